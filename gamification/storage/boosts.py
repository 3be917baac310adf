"""Reads boosts, and which users are in the groups that boosts are for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import tzinfo
from fractions import Fraction
from functools import cache
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist

from gamification.domain.boosts import BoostKind, BoostRule
from gamification.domain.conditions import read_counting
from gamification.storage.json_rows import read_instant
from gamification.storage.postgresql.arrays import Arity, among_sql

_KINDS: Final = {
    "boosts_achievements": BoostKind.ACHIEVEMENT.value,
    "boosts_adjustments": BoostKind.ADJUSTMENT.value,
    "boosts_imports": BoostKind.IMPORT.value,
}

#: The columns of a boost, in the order in which ``make_boost`` takes them.
BOOST_FIELDS: Final = (
    *("id", "key", "name", "factor", "starts_at", "ends_at", "zone", "activities"),
    *("group_id", "where", *_KINDS),
)


def make_boost(
    row: Sequence[Any], ids: Mapping[str, int], database_zone: tzinfo
) -> BoostRule:
    """Return the boost with these values; ``ids`` are those of activities by key."""
    pk, key, name, factor, starts_at, ends_at, zone, activities = row[:8]
    group_id, where, *kinds = row[8:]
    chosen = zip(_KINDS.values(), kinds, strict=True)
    return BoostRule(
        pk,
        key,
        name,
        # It has two decimals, and JSON may make a float of it.
        Fraction(round(100 * factor), 100),
        read_instant(starts_at, database_zone),
        read_instant(ends_at, database_zone),
        zone,
        frozenset(ids[each] for each in activities if each in ids)
        if activities
        else None,
        group_id,
        read_counting({"where": where}).where,
        frozenset({BoostKind.RECORD.value, *(kind for kind, on in chosen if on)}),
    )


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
