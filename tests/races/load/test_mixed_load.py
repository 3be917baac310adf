"""Many writers act at random, and end where a naive model does.

``MIXED_LOAD_SECONDS`` says for how long, and ``MIXED_LOAD_SEED`` repeats what the
writers of a run did; who comes first is up to the machine.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from itertools import count
from random import Random

import pytest

from gamification.models import StreakDefinition
from gamification.services.catalogue.backfill import jobs as backfill_jobs
from tests.factories import AchievementFactory, ActivityFactory
from tests.processes import another_process
from tests.promises.on_site import make_catalogue
from tests.races import COMMITTED, ONLY_POSTGRESQL
from tests.races.load.rounds import check_round
from tests.races.pooler import NEEDS_PGBOUNCER

SECONDS = float(os.environ.get("MIXED_LOAD_SECONDS", "3"))
SEED = os.environ.get("MIXED_LOAD_SEED") or f"{Random().getrandbits(32):08x}"

pytestmark = [COMMITTED, pytest.mark.usefixtures("catalogue")]


@pytest.fixture
def catalogue(no_achievements, monkeypatch):
    """The catalogue of the naive books, and an achievement that repeats."""
    monkeypatch.setattr(backfill_jobs, "USERS_IN_A_STEP", 4)
    make_catalogue()
    lap = ActivityFactory(key="lap", xp_reward=2)
    AchievementFactory(
        key="every third lap",
        criterion="activity_count",
        activity=lap,
        threshold=3,
        repeat_every=3,
        max_times=None,
        xp_reward=4,
    )
    StreakDefinition.objects.filter(key="daily").update(freeze_cap=2)


@pytest.fixture
def elsewhere(catalogue):
    """Another process, which starts when it is first used."""
    with another_process() as pool:
        yield pool


def test_what_many_do_at_once_is_what_naive_books_say(elsewhere):
    until, acts = time.perf_counter() + SECONDS, Counter[str]()
    for number in count():
        try:
            acts += check_round(SEED, number, elsewhere)
        except BaseException as error:
            error.add_note(f"MIXED_LOAD_SEED={SEED}, round {number}")
            raise
        if time.perf_counter() > until:
            break
    print(f"MIXED_LOAD_SEED={SEED}: {number + 1} rounds, {dict(acts)}")  # noqa: T201
    assert acts["record"] > 50


@ONLY_POSTGRESQL
@NEEDS_PGBOUNCER
def test_behind_a_pooler_too(pooler, elsewhere):
    acts = check_round(SEED, 0, elsewhere)

    assert acts["record"] > 50
