"""Whatever happens in whatever order, the site says what its books must say."""

from __future__ import annotations

import os
from typing import Any

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.maintenance import rebuild, reconcile
from gamification.models import UserGamification
from tests.promises.in_books import ACHIEVEMENTS, KEYS, NOW, Model
from tests.promises.lives import live
from tests.promises.on_site import Site, state_of

USERS = st.integers(0, 1)
#: Few of them, so that days fill up and cooldowns meet, on both sides of midnights.
HOURS = st.sampled_from([0, 0, 1, 2, 3, 4, 11, 13, 14, 20, 24, 26, 30, 48, 54, 72, 100])


def requests(hours: Any) -> Any:
    """Return requests to record what happened so many hours ago."""
    return st.tuples(
        USERS,
        st.sampled_from(KEYS),
        st.integers(1, 3),
        hours,
        st.none() | st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["", "kpi:1", "kpi:2"]),
    )


REQUESTS = requests(HOURS)
#: Those that are not too old.
RECENT = requests(HOURS.filter(lambda hours: hours <= 48))
ITEMS = st.sampled_from(ACHIEVEMENTS).map(lambda each: each.key)
STEPS = st.one_of(
    st.tuples(st.just("record"), REQUESTS),
    st.tuples(st.just("record"), REQUESTS),
    st.tuples(
        st.just("batch"), st.lists(RECENT, min_size=1, max_size=8), st.booleans()
    ),
    st.tuples(st.just("reverse"), st.integers(0, 30)),
    st.tuples(st.just("reverse"), st.integers(0, 30)),
    st.tuples(st.just("undo"), USERS, st.sampled_from(["kpi:1", "kpi:2"])),
    st.tuples(st.just("price"), st.sampled_from(KEYS), st.sampled_from([0, 4, 10, 25])),
    st.tuples(
        st.just("recalculate"),
        st.sets(st.sampled_from(KEYS), min_size=1),
        st.integers(0, 4),
        st.integers(0, 4),
    ),
    st.tuples(st.just("adjust"), USERS, st.integers(-60, 80).filter(bool)),
    st.tuples(st.just("award"), USERS, ITEMS),
    st.tuples(st.just("revoke"), USERS, ITEMS),
    st.tuples(st.just("backfill"), ITEMS),
    st.tuples(st.just("threshold"), ITEMS, st.integers(1, 4)),
    st.tuples(st.just("activate"), ITEMS),
    st.tuples(
        st.just("move"),
        USERS,
        st.sampled_from(["Asia/Kolkata", "America/Los_Angeles", "Pacific/Kiritimati"]),
    ),
    st.tuples(st.just("wait"), st.sampled_from([1, 7, 13, 25])),
)


def live_on_site(steps: list[Any], users: list[Any]) -> list[Any]:
    """Live on a site, which agrees with its own ledger; leave no trace."""
    with time_machine.travel(NOW, tick=False) as clock, transaction.atomic():
        site = Site(users, clock)
        said = live(site, steps)
        assert [str(drift) for drift in reconcile()] == []
        for profile in UserGamification.objects.select_related("user"):
            before = state_of(profile.user)
            rebuild(profile.user)
            assert state_of(profile.user) == before
        transaction.set_rollback(True)
    return said


@pytest.mark.django_db
@given(st.lists(STEPS, max_size=25))
@settings(
    max_examples=int(os.environ.get("PROMISE_EXAMPLES", "15")),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
def test_the_site_says_what_its_books_must_say(two_users, steps):
    assert live_on_site(steps, two_users) == live(Model(), steps)
