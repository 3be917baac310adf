"""What a preview announces is what the act then does, to the XP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gamification.maintenance import reconcile
from gamification.models import Achievement
from gamification.services import record_activity
from gamification.staff import (
    RecalculationScope,
    backfill_everyone,
    edit_achievement,
    make_table,
    preview_backfill,
    preview_levels,
    preview_recalculation,
    recalculate_xp,
    run_next_step,
    save_levels,
)
from tests.factories import AchievementFactory
from tests.inspection import everything
from tests.promises.conftest import NOW
from tests.promises.games import ACTIVITIES, Game, announced, changes, standing

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_backfill_does_what_its_preview_announced(seed):
    game = Game(seed)
    for key in Achievement.objects.filter(status="active").values_list("key"):
        preview, before = preview_backfill(*key), standing()

        progress = backfill_everyone(*key)

        assert preview.users == progress.awarded
        assert announced(preview.effects) == changes(before, standing())
        game.live()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_recalculation_does_what_its_preview_announced(seed):
    game = Game(seed)
    for _ in range(4):
        game.edit_activity()
        game.edit_activity()
        scope = RecalculationScope(ACTIVITIES, (NOW - timedelta(9)).date(), NOW.date())
        preview, before = preview_recalculation(scope), standing()

        progress = recalculate_xp(scope)

        assert (preview.users, preview.skipped.value) == (
            progress.corrected,
            progress.skipped,
        )
        assert announced(preview.effects) == changes(before, standing())
        game.live()


@pytest.mark.parametrize("seed", SEEDS)
def test_an_activation_does_what_its_preview_announced(seed):
    """A draft is edited in a form, previewed there, saved, and backfilled."""
    game = Game(seed)
    for row in Achievement.objects.exclude(criterion="manual"):
        row.threshold = game.chance.randint(1, row.threshold)
        row.xp_reward, row.status = game.chance.randrange(200), "active"
        preview, before = preview_backfill(row), standing()

        values = {name: getattr(row, name) for name in ("threshold", "xp_reward")}
        edit_achievement(row.key, actor=None, expected=None, status="active", **values)
        backfill_everyone(row.key)

        assert announced(preview.effects) == changes(before, standing())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_preview_changes_nothing(seed):
    Game(seed)
    before = everything()

    preview_backfill(Achievement.objects.exclude(criterion="manual").first())
    preview_recalculation(RecalculationScope(ACTIVITIES, NOW.date(), NOW.date()))
    preview_levels(make_table([0, 1, 2], ()))

    assert everything() == before


def test_what_was_met_already_is_announced(user):
    for _ in range(7):
        record_activity(user, "walk", quantity=1)
    AchievementFactory(key="rich", criterion="total_xp", threshold=60, xp_reward=5)
    AchievementFactory(key="day", criterion="active_days", threshold=1, xp_reward=80)

    preview = preview_backfill("day")

    # 70 XP, then 80 of the one and 5 of the other: from level 2 to level 3.
    [also] = preview.also
    assert (preview.users, preview.xp, preview.level_changes) == (1, 85, 1)
    assert (also.key, also.users.value) == ("rich", 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_other_levels_do_what_their_preview_announced(seed):
    game = Game(seed)
    for _ in range(4):
        rises = game.chance.sample(range(1, 900), game.chance.randint(1, 12))
        levels = make_table([0, *sorted(rises)], ())
        preview, before = preview_levels(levels), standing()

        job = save_levels(levels, actor=None, expected=None).job
        job = finished(job)

        assert preview.effects.users.value == job.done == job.total
        assert preview.effects.xp.value == job.xp
        assert announced(preview.effects) == changes(before, standing())
        assert list(reconcile()) == []
        game.live()


def finished(job):
    while not job.finished_at:
        job = run_next_step(job.pk, actor=None)
        assert job.error == ""
    return job
