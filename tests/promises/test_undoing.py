"""Whatever was edited meanwhile, what is taken back leaves nothing behind."""

from __future__ import annotations

import os
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.maintenance import reconcile
from gamification.models import Activity, LedgerEntry
from gamification.services import reverse_entry
from tests.promises.in_books import KEYS, NOW
from tests.promises.lives import live
from tests.promises.on_site import Site, state_of
from tests.promises.test_model import STEPS

EDITS = st.tuples(
    st.just("edit"),
    st.sampled_from(KEYS),
    st.sampled_from(
        [
            {"daily_limit": None},
            {"daily_limit": 1},
            {"daily_limit": 4},
            {"cooldown": None},
            {"cooldown": 1_800},
            {"cooldown": 100_000},
            {"extends_streak": False},
            {"extends_streak": True},
            {"is_active": False},
        ]
    ),
)


class EditedSite(Site):
    """A site where staff edit activities at any time."""

    def edit(self, key: str, fields: dict[str, Any]) -> None:
        Activity.objects.filter(key=key).update(**fields)


def too_much_or_too_little() -> list[int]:
    """Return the records that stand with fewer than no units rewarded, or too many."""
    found = []
    reversals = LedgerEntry.objects.filter(reverses__isnull=False)
    records = LedgerEntry.objects.filter(kind="activity")
    for entry in records.exclude(pk__in=reversals.values("reverses")):
        corrections = LedgerEntry.objects.filter(corrects=entry.pk)
        sums = corrections.aggregate(units=Sum("rewarded"), xp=Sum("amount"))
        rewarded = entry.rewarded + (sums["units"] or 0)
        worth = entry.amount + (sums["xp"] or 0)
        if not 0 <= rewarded <= entry.quantity or (worth != 0 and not rewarded):
            found.append(entry.pk)
    return found


@pytest.mark.django_db
@given(st.lists(STEPS | EDITS, max_size=20), st.randoms())
@settings(
    max_examples=int(os.environ.get("PROMISE_EXAMPLES", "8")),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
def test_what_is_taken_back_leaves_nothing_but_rewards(two_users, steps, chance):
    with time_machine.travel(NOW, tick=False) as clock, transaction.atomic():
        site = EditedSite(two_users, clock)
        live(site, steps)
        wrong = too_much_or_too_little()
        chance.shuffle(site.reversible)
        for user, entry_id in site.reversible:
            reverse_entry(user, entry_id=entry_id)
        states = [state_of(user) for user in two_users]
        drifts = [str(drift) for drift in reconcile()]
        transaction.set_rollback(True)

    assert (wrong, drifts) == ([], [])
    for state in states:
        rewards = sum(xp for _, _, xp in state["held"].values())
        assert state["total"] == rewards
        assert (state["days"], state["longest"]) == ({}, 0)
        assert {*state["tallies"].values()} <= {0}
