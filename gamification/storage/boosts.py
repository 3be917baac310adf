"""Reads boosts, and which users are in the groups that boosts are for."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist
from django.db import connections
from django.db.models import TextField
from django.db.models.expressions import RawSQL

from gamification.domain.boosts import BoostKind, BoostRule
from gamification.domain.conditions import read_counting
from gamification.domain.days import instant_at
from gamification.models import Boost
from gamification.storage.postgresql.arrays import Arity, among_sql
from gamification.storage.tables import BOOSTS

#: The columns of a boost, besides its factor and its ends.
_PLAIN: Final = ("id", "key", "name", "zone", "group_id")
_KINDS: Final = {
    "boosts_achievements": BoostKind.ACHIEVEMENT.value,
    "boosts_adjustments": BoostKind.ADJUSTMENT.value,
    "boosts_imports": BoostKind.IMPORT.value,
}
_ENDS: Final = ("starts_at", "ends_at")
_DOCUMENTS: Final = ("activities", "where")


def boosts_sql(vendor: str) -> str:
    """Return SQL for the rows of active boosts as JSON, as a column of another query.

    Factors are in hundredths.
    """
    names = ", ".join((*_PLAIN, *_KINDS))
    if vendor == "postgresql":
        ends = ", ".join(f"(extract(epoch FROM {n}) * 1000000)::bigint" for n in _ENDS)
        documents = ", ".join(f'"{name}"' for name in _DOCUMENTS)
        row = f"json_build_array({names}, (factor * 100)::int, {ends}, {documents})"
        rows = f"coalesce(json_agg({row}), '[]')::text"
    else:
        documents = ", ".join(f'json("{name}")' for name in _DOCUMENTS)
        factor = "CAST(round(factor * 100) AS INTEGER)"
        row = f"json_array({names}, {factor}, {', '.join(_ENDS)}, {documents})"
        rows = f"json_group_array({row})"
    return f"(SELECT {rows} FROM {BOOSTS} WHERE is_active)"


def make_boosts(rows: str, ids: Mapping[str, int]) -> list[BoostRule]:
    """Return the boosts that ``boosts_sql`` gave; ``ids`` are of activities by key."""
    return [_boost(row, ids) for row in json.loads(rows)]


def load_boosts(alias: str) -> list[BoostRule]:
    """Return the active boosts of a site without activities, in one query."""
    column = RawSQL(boosts_sql(connections[alias].vendor), (), TextField())  # noqa: S611
    rows = Boost.objects.using(alias).values_list(column, flat=True)[:1]
    return [boost for text in rows for boost in make_boosts(text, {})]


def _boost(row: Sequence[Any], ids: Mapping[str, int]) -> BoostRule:
    places = len(_PLAIN)
    pk, key, name, zone, group_id = row[:places]
    *kinds, hundredths, starts_at, ends_at, activities, where = row[places:]
    chosen = zip(_KINDS.values(), kinds, strict=True)
    return BoostRule(
        pk,
        key,
        name,
        Fraction(hundredths, 100),
        _instant(starts_at),
        _instant(ends_at),
        zone,
        frozenset(ids[each] for each in activities if each in ids)
        if activities
        else None,
        group_id,
        read_counting({"where": where}).where,
        frozenset({BoostKind.RECORD.value, *(kind for kind, on in chosen if on)}),
    )


def _instant(value: int | str) -> datetime:
    """Return an instant from microseconds since 1970, or from a text in UTC."""
    if isinstance(value, int):
        return instant_at(value)
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


class Memberships:
    """The table of the site's user model that says who is in which of its groups."""

    def __init__(self, through: Any, user: Any, group: Any) -> None:
        self.model = through
        self.user = user
        self.group = group

    def sql(self, count: Arity) -> str:
        """Return SQL for those groups of the user ``p`` that are asked for."""
        table, user, group = (
            '"' + name.replace('"', '""') + '"'
            for name in (self.model._meta.db_table, self.user.column, self.group.column)
        )
        return f"""ARRAY(SELECT g.{group} FROM {table} g
    WHERE g.{user} = p.user_id AND g.{group} {among_sql("bigint", count)})"""

    def read(
        self, alias: str, user_ids: Collection[Any], group_ids: Collection[int]
    ) -> dict[Any, frozenset[int]]:
        """Return the groups among ``group_ids`` of users who are in any, in a query."""
        rows = self.model._default_manager.using(alias).filter(
            **{f"{self.user.name}__in": user_ids, f"{self.group.name}__in": group_ids}
        )
        found: dict[Any, frozenset[int]] = {}
        pairs: Iterable[tuple[Any, int]]
        pairs = rows.values_list(self.user.attname, self.group.attname)
        for user_id, group_id in pairs:
            found[user_id] = found.get(user_id, frozenset()) | {group_id}
        return found


def read_groups(
    alias: str, user_ids: Collection[Any], group_ids: Collection[int]
) -> Mapping[Any, frozenset[int]]:
    """Return those of the groups in which the users are, in one query if any."""
    table = memberships()
    if not (user_ids and group_ids and table):
        return {}
    return table.read(alias, user_ids, group_ids)


@cache
def memberships() -> Memberships | None:
    """Return the memberships of the site's users; None if they have no groups."""
    try:
        field: Any = get_user_model()._meta.get_field("groups")
    except FieldDoesNotExist:
        return None
    if not field.many_to_many or field.remote_field.model is not Group:
        return None
    through = field.remote_field.through
    user, group = (
        through._meta.get_field(name)
        for name in (field.m2m_field_name(), field.m2m_reverse_field_name())
    )
    return Memberships(through, user, group)
