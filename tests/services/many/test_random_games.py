"""In random games, an act does what its preview says, and taking it back undoes it."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from gamification.models import Job, UserAchievement, UserGamification
from gamification.services import adjust_xp, award_achievement, record_activity
from gamification.staff import (
    Act,
    begin_list,
    begin_take_back,
    begin_undo,
    preview_list,
    preview_take_back,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.services.conftest import NOW
from tests.services.many.conftest import finish, totals

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

CRITERIA = ("total_xp", "level", "active_days", "longest_streak", "achievements")


def make_game(chance):
    """Create a catalogue and users with a past."""
    for key in ("walk", "swim"):
        limit = chance.choice([None, 1, 3])
        ActivityFactory(key=key, xp_reward=chance.randint(0, 60), daily_limit=limit)
    for number in range(8):
        criterion = chance.choice(CRITERIA)
        most = 400 if criterion == "total_xp" else 5
        AchievementFactory(
            key=f"earned_{number}",
            criterion=criterion,
            threshold=chance.randint(1, most),
            xp_reward=chance.randint(0, 90),
            revocable=chance.random() < 0.5,
        )
    AchievementFactory(key="medal", xp_reward=chance.randint(0, 200))
    users = UserFactory.create_batch(6)
    for user in users:
        for _ in range(chance.randint(0, 8)):
            live(chance, user)
    return users


def live(chance, user):
    if chance.random() < 0.1:
        adjust_xp(user, amount=chance.randint(1, 100), note="Found.")
    if chance.random() < 0.1:
        award_achievement(user, "medal")
    when = NOW.replace(day=chance.randint(1, 10), hour=chance.randint(0, 11))
    record_activity(
        user,
        chance.choice(["walk", "swim"]),
        occurred_at=when,
        historical=True,
        quantity=chance.randint(1, 3),
    )


def acts(chance):
    amount = chance.choice([-40, 30, 500])
    first = chance.randint(1, 8)
    return [
        Act(kind="award", achievement="medal", celebrate=True),
        Act(kind="revocation", achievement="medal"),
        Act(kind="adjustment", amount=amount, note="A gift."),
        Act(
            kind="reversal",
            activity=chance.choice(["", "walk"]),
            since=NOW.date().replace(day=first),
            until=NOW.date().replace(day=first + 2),
        ),
    ]


def held():
    rows = UserAchievement.objects.filter(revoked_at=None)
    return Counter(rows.values_list("achievement__key", flat=True))


def levels():
    return dict(UserGamification.objects.values_list("user", "level"))


@pytest.mark.parametrize("seed", range(3))
def test_an_act_does_what_its_preview_says_and_can_be_taken_back(seed, server_clock):
    chance = Random(seed)
    users = make_game(chance)
    for user in users:
        adjust_xp(user, amount=1, note="So that everybody has a row.")
    for act in acts(chance):
        server_clock.shift(60)
        is_list = act.kind != "reversal"
        preview = preview_list(act, users) if is_list else preview_take_back(act)
        before, had, stood = totals(), held(), levels()

        begin = begin_list(act, users, actor=None) if is_list else None
        job = finish(begin or begin_take_back(act, actor=None))

        now, moved = held(), [(stood[pk], level) for pk, level in levels().items()]
        assert preview.is_exact
        assert (preview.users, preview.xp) == (job.done - job.skipped, job.xp)
        assert Counter(preview.unlocks) - Counter(preview.losses) == now - had
        assert Counter(preview.losses) - Counter(preview.unlocks) == had - now
        assert (preview.raised, preview.lowered) == (
            sum(after > earlier for earlier, after in moved),
            sum(after < earlier for earlier, after in moved),
        )
        server_clock.shift(60)
        finish(begin_undo(job.pk, actor=None))
        assert totals() == before
    assert Job.objects.count() == 8
