"""Counts the tallies of filters from the ledger, for jobs and for comparisons."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from gamification.domain.filter_keeper import changes_of
from gamification.domain.trees import FilterRule
from gamification.models import CountFilter, FilterTally
from gamification.storage import store_for
from gamification.storage.catalogue import load_catalogue
from gamification.storage.filters import load_pending, load_tallies

#: Counts other than 0, by id of the filter and by bucket.
Counts: TypeAlias = Mapping[tuple[int, str], int]


def built_filters(alias: str) -> list[FilterRule]:
    """Return the filters whose tallies are complete."""
    if not CountFilter.objects.filter(is_built=True).exists():
        return []
    return [rule for rule in load_catalogue(alias).trees.filters if rule.is_built]


def filter_numbers(
    user_ids: Sequence[Any], alias: str
) -> Iterator[tuple[Any, str, int, int]]:
    """Yield user, name, stored count and the count that the ledger says.

    It yields no bucket that is empty in both. Filters that are being built are left
    out.
    """
    filters = built_filters(alias)
    stored = stored_counts(user_ids, filters, alias)
    for user_id, counts in counts_of(user_ids, filters, alias).items():
        kept = stored.get(user_id, {})
        for pk, bucket in sorted({*kept, *counts}):
            name = f"filter {pk} {bucket}".rstrip()
            key = pk, bucket
            yield user_id, name, kept.get(key, 0), counts.get(key, 0)


def wrong_counts(user_id: Any, alias: str) -> Counts:
    """Return what the ledger says instead of the stored counts that differ."""
    filters = built_filters(alias)
    kept = stored_counts([user_id], filters, alias).get(user_id, {})
    counted = counts_of([user_id], filters, alias).get(user_id, {})
    return {
        key: counted.get(key, 0)
        for key in kept.keys() | counted.keys()
        if kept.get(key) != counted.get(key)
    }


def put_counts(user_id: Any, counts: Counts, alias: str) -> None:
    """Store some counts of a locked user."""
    ids = {pk for pk, _ in counts}
    pending = load_pending([user_id], ids, alias).get(user_id, {})
    FilterTally.objects.bulk_create(
        (
            FilterTally(
                user_id=user_id,
                filter_id=pk,
                bucket=bucket,
                count=count - pending.get((pk, bucket), 0),
            )
            for (pk, bucket), count in counts.items()
        ),
        update_conflicts=True,
        unique_fields=["user", "filter", "bucket"],
        update_fields=["count"],
    )


def counts_of(
    user_ids: Sequence[Any], filters: Sequence[FilterRule], alias: str
) -> dict[Any, Counts]:
    """Return what the ledger says that each user has of the filters."""
    counted = [rule.counted for rule in filters]
    ledgers = store_for(alias).ledgers(user_ids) if filters else {}
    found: dict[Any, Counts] = {}
    for user_id, ledger in ledgers.items():
        counts: dict[tuple[int, str], int] = {}
        for place, (bucket, amount) in changes_of(counted, ledger):
            key = filters[place].id, bucket
            counts[key] = counts.get(key, 0) + amount
        found[user_id] = {key: count for key, count in counts.items() if count}
    return found


def stored_counts(
    user_ids: Sequence[Any], filters: Sequence[FilterRule], alias: str
) -> dict[Any, Counts]:
    """Return what is stored of the filters, for users who have any."""
    ids = [rule.id for rule in filters]
    found: dict[Any, Counter[tuple[int, str]]] = defaultdict(Counter)
    for user_id, pending in load_pending(user_ids, ids, alias).items():
        found[user_id].update(pending)
    for user_id, tallies in load_tallies(user_ids, ids, alias).items():
        for pk, buckets in tallies.items():
            found[user_id].update({(pk, each): buckets[each] for each in buckets})
    return {
        user_id: {key: count for key, count in counts.items() if count}
        for user_id, counts in found.items()
    }


def store_counts(
    user_ids: Collection[Any], filters: Sequence[FilterRule], alias: str
) -> None:
    """Replace the tallies of locked users by what the ledger says.

    Pending counts are left out, as readers add them.
    """
    rows = FilterTally.objects.all()
    ids = [rule.id for rule in filters]
    rows.filter(user__in=user_ids, filter__in=ids).delete()
    pending = load_pending([*user_ids], ids, alias)
    rows.bulk_create(
        (
            FilterTally(user_id=user_id, filter_id=pk, bucket=bucket, count=count)
            for user_id, counts in counts_of([*user_ids], filters, alias).items()
            for (pk, bucket), count in _less(counts, pending.get(user_id, {})).items()
            if count
        ),
        batch_size=5_000,
    )


def _less(counts: Counts, pending: Counts) -> Counts:
    """Return ``counts`` less those that are pending."""
    less = Counter(counts)
    less.subtract(pending)
    return less
