"""Reads, writes and counts the tallies of filters with the ORM."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

from django.db.models import F

from gamification.domain.changeset import UserChangeset
from gamification.models import FilterTally

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


def add_tallies(changeset: UserChangeset, alias: str) -> None:
    """Add what a changeset has counted to the stored tallies."""
    added = changeset.filters.rows() if changeset.filters else {}
    rows = FilterTally.objects.using(alias)
    for (pk, bucket), count in added.items():
        place = {"user_id": changeset.state.user_id, "filter_id": pk, "bucket": bucket}
        if not rows.filter(**place).update(count=F("count") + count):
            rows.create(**place, count=count)
