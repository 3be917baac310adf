"""Whatever the conditions and the history, the site says what the naive model says."""

from __future__ import annotations

import os

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.maintenance import reconcile
from gamification.models import Achievement
from gamification.staff import backfill_everyone, get_reach, preview_backfill
from gamification.storage.postgresql import changed
from tests.conditions.random_trees import (
    achievements,
    histories,
    leaves,
    records,
    special_achievements,
    trees,
)
from tests.conditions.worlds import World, build_filters, make_catalogue

LENIENT = settings(
    max_examples=int(os.environ.get("CONDITION_EXAMPLES", "12")),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@pytest.fixture(autouse=True)
def few_counts_are_pending(monkeypatch):
    """Let pending counts go to the tallies after a few records."""
    monkeypatch.setattr(changed, "MAX_PENDING", 60)


@pytest.mark.django_db
@given(achievements(), histories, st.sampled_from(["never", "early", "between"]))
@LENIENT
def test_the_site_unlocks_what_the_naive_model_unlocks(rules, steps, built):
    with transaction.atomic():
        make_catalogue(rules)
        if built == "early":
            build_filters()
        world = World(rules)

        world.play(steps[:5])
        if built == "between":
            build_filters()
        world.play(steps[5:])

        assert world.found() == world.expected()
        assert world.progress() == world.expected_progress()
        assert world.explained() == world.expected_progress()
        assert [str(drift) for drift in reconcile()] == []
        transaction.set_rollback(True)


@pytest.mark.django_db
@given(special_achievements(), histories, st.sampled_from(["never", "early"]))
@LENIENT
def test_repeats_and_seasons_unlock_what_the_naive_model_unlocks(rules, steps, built):
    with transaction.atomic():
        make_catalogue(rules)
        if built == "early":
            build_filters()
        world = World(rules)

        world.play(steps)

        assert world.found() == world.expected()
        assert world.progress() == world.expected_progress()
        assert [str(drift) for drift in reconcile()] == []
        transaction.set_rollback(True)


@pytest.mark.django_db
@given(achievements(), st.lists(records(), min_size=2, max_size=8), st.data())
@LENIENT
def test_order_and_batches_change_nothing(rules, asked, data):
    asked = [each | {"hour": hour} for hour, each in enumerate(asked)]
    in_order = sorted(asked, key=lambda each: (each["day"], each["hour"]))
    cut = data.draw(st.integers(0, len(asked)))
    ways = [
        [("record", each) for each in in_order],
        [("batch", data.draw(st.permutations(asked)))],
        [("batch", in_order[:cut]), ("batch", in_order[cut:])],
    ]
    found = []

    for steps in ways:
        with transaction.atomic():
            make_catalogue(rules)
            world = World(rules)
            world.play([step for step in steps if step[1]])
            found.append((world.found(), world.progress()))
            transaction.set_rollback(True)

    assert found[1:] == [found[0]] * 2


@pytest.mark.django_db
@given(
    leaves(),
    st.one_of(st.none(), trees([])),
    st.lists(records(), min_size=2, max_size=8),
    st.booleans(),
)
@LENIENT
def test_a_backfill_unlocks_what_would_have_been_unlocked_live(
    own, tree, asked, is_built
):
    rule = {"key": "rule", "xp": 20, "own": own, "tree": tree}
    asked.sort(key=lambda each: (each["day"], each["hour"]))
    found = []

    for status in ("active", "draft"):
        with transaction.atomic():
            make_catalogue([rule], status)
            if is_built and status == "active":
                build_filters()
            world = World([rule])
            world.play([("record", each) for each in asked])
            draft = Achievement.objects.filter(status="draft")
            if draft.update(status="active"):
                preview = preview_backfill("rule")
                build_filters() if is_built else None
                again, [reach] = preview_backfill("rule"), get_reach(["rule"]) or [None]
                done = backfill_everyone("rule")
                assert preview.users == again.users == done.awarded
                assert preview.xp == again.xp == done.xp
                assert len(preview.sample) == done.awarded
                assert reach.users == done.awarded
            found.append(world.found())
            assert [str(drift) for drift in reconcile()] == []
            transaction.set_rollback(True)

    assert found[0] == found[1]
