"""Reads and counts the tallies of filters with the ORM."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from django.db.models import BigIntegerField, Func, Q

from gamification.domain.pending_counts import FilterCounts, read_pending
from gamification.models import FilterTally, UserGamification

#: Counts by id of the filter and by bucket.
Counts: TypeAlias = dict[int, dict[str, int]]


def load_tallies(
    user_ids: Sequence[Any], filter_ids: Collection[int], alias: str
) -> Mapping[Any, Counts]:
    """Return the counts of users who have any."""
    found: dict[Any, Counts] = {}
    if not filter_ids:
        return found
    rows = FilterTally.objects.using(alias)
    rows = rows.filter(user__in=user_ids, filter__in=filter_ids)
    for user_id, pk, bucket, count in rows.values_list(
        "user_id", "filter_id", "bucket", "count"
    ):
        found.setdefault(user_id, {}).setdefault(pk, {})[bucket] = count
    return found


class FilterValue(Func):
    """The count of a filter for the user of a row, in tallies and pending counts."""

    output_field = BigIntegerField()

    def __init__(self, pk: int, *, is_distinct: bool) -> None:
        super().__init__("user", "pending_counts")
        self.pk, self.is_distinct = pk, is_distinct

    def as_sql(
        self, compiler: Any, connection: Any, *_: Any, **__: Any
    ) -> tuple[str, tuple[Any, ...]]:
        sources = self.get_source_expressions()
        (user, first), (pending, second) = map(compiler.compile, sources)
        items = _ITEMS.get(connection.vendor, _NO_ITEMS).format(pending=pending)
        value = "coalesce(sum(b.n), 0)"
        if self.is_distinct:
            value = "coalesce(sum(CASE WHEN b.n > 0 THEN 1 ELSE 0 END), 0)"
        sql = f"""(SELECT {value} FROM (SELECT s.bucket, sum(s.n) AS n FROM (
    SELECT t.bucket AS bucket, t.count AS n FROM {FilterTally._meta.db_table} t
    WHERE t.user_id = {user} AND t.filter_id = %s
    UNION ALL SELECT i.bucket, i.n FROM ({items}) i WHERE i.pk = %s
) s GROUP BY s.bucket) b)"""
        return sql, (*first, self.pk, *second, self.pk)


#: SQL for pending counts by vendor; other databases have none.
_ITEMS: Final = {
    "postgresql": """SELECT (e.value->>0)::bigint AS pk, (e.value->>1)::bigint AS n,
    coalesce(e.value->>2, '') AS bucket
    FROM json_array_elements(nullif({pending}, '')::json) e""",
    "sqlite": """SELECT json_extract(e.value, '$[0]') AS pk,
    json_extract(e.value, '$[1]') AS n,
    coalesce(json_extract(e.value, '$[2]'), '') AS bucket
    FROM json_each(nullif({pending}, '')) e""",
}
_NO_ITEMS: Final = "SELECT 0 AS pk, 0 AS n, {pending} AS bucket"


def has_pending_counts(pk: int) -> Q:
    """Return the condition of users with pending counts of a filter."""
    return Q(pending_counts__contains=f"[{pk},")


def load_pending(
    user_ids: Sequence[Any], filter_ids: Collection[int], alias: str
) -> Mapping[Any, FilterCounts]:
    """Return the pending counts of some filters, for users who have any counts."""
    if not filter_ids:
        return {}
    rows = UserGamification.objects.using(alias).filter(user__in=user_ids)
    some = rows.exclude(pending_counts="").values_list("user_id", "pending_counts")
    return {user_id: read_pending(text, filter_ids) for user_id, text in some}
