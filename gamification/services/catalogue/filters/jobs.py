"""Builds the tallies of filters in the steps of a job, and drops those not needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import F

from gamification.models import (
    CountFilter,
    FilterTally,
    Job,
    UserGamification,
    write_alias,
)
from gamification.services.catalogue.filters.counts import store_counts
from gamification.services.catalogue.filters.syncing import DROPPED
from gamification.services.jobs import Step
from gamification.storage import store_for
from gamification.storage.catalogue import load_catalogue

#: Users whom one step locks, with their ledgers in memory.
USERS_AT_ONCE: Final = 200


def filter_step(job: Job, actor_id: Any) -> Step:
    """Count the filters again for the next users, in the order of their rows.

    Users who record for the first time meanwhile come last. Writers add to tallies at
    all times: whoever has read a user before the step writes nothing after it, because
    the step changes the version of the user.
    """
    parameters = job.parameters
    profiles = UserGamification.objects.order_by("pk")
    page = profiles.filter(pk__gt=job.cursor or 0).values_list("pk", "user_id")
    rows = list(page[:USERS_AT_ONCE])
    user_ids = [user_id for _, user_id in rows]
    if user_ids:
        _build(user_ids, parameters["filters"], write_alias())
        dropped = FilterTally.objects.filter(filter__in=parameters["unused"])
        dropped.filter(user__in=user_ids).delete()
        return Step(len(rows), cursor=rows[-1][0])
    known = CountFilter.objects.all()
    built = known.filter(pk__in=parameters["filters"])
    built.exclude(digest__startswith=DROPPED).update(is_built=True)
    known.filter(pk__in=parameters["unused"]).delete()
    return Step()


def _build(user_ids: Sequence[Any], filter_ids: Sequence[int], alias: str) -> None:
    store_for(alias).lock(user_ids)
    filters = load_catalogue(alias).trees.filters
    wanted = [rule for rule in filters if rule.id in filter_ids]
    store_counts(user_ids, wanted, alias)
    UserGamification.objects.filter(user__in=user_ids).update(version=F("version") + 1)
