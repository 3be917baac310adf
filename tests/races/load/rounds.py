"""One round of the load: many write for new users, then the results are compared."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from typing import Any

import time_machine
from django.db import connection

from gamification.domain.streak_rules import StreakVersion
from gamification.domain.streak_runs import Exceptions, Grant, Pause
from gamification.leaderboards import count_drifts, tend_boards
from gamification.maintenance import reconcile
from gamification.models import Achievement, Activity, UserAchievement
from gamification.services import get_streaks, record_activity
from gamification.staff import grant_freezes
from tests.domain.test_streak_model import Case, Naive
from tests.factories import UserFactory
from tests.inspection import held_by
from tests.promises.in_books import ACHIEVEMENTS, ACTIVITIES, NOW
from tests.promises.on_site import state_of
from tests.races import total_of
from tests.races.load.lives import (
    are_in_order,
    earned_by_laps,
    keys_are_used_once,
    live,
)
from tests.races.load.writers import DRAFTS, Game, Players, play, play_elsewhere

#: The acts of each writer in a round.
STEPS = 25
#: The achievements that a streak earns.
STREAKS = {each.key for each in ACHIEVEMENTS if each.criterion == "longest_streak"}
#: How long ago guests got their freezes.
FROZEN = timedelta(days=8)


def check_round(seed: str, number: int, elsewhere: ProcessPoolExecutor) -> Counter[str]:
    """Play a round and compare the results; return the number of acts by kind."""
    now = NOW + timedelta(days=9 * number)
    with time_machine.travel(now, tick=False):
        game = play_round(make_players(f"{seed}:{number}", now), elsewhere)
        check_users(game)
        check_guests(game)
        assert [*reconcile()] == count_drifts() == []
    return Counter(each.act for each in game.log.said)


def make_players(seed: str, now: Any) -> Players:
    """Make new users without any history; two guests have freezes."""
    Achievement.objects.filter(key__in=DRAFTS).update(status="draft")
    for activity in ACTIVITIES:
        Activity.objects.filter(key=activity.key).update(xp_reward=activity.xp)
    guests = UserFactory.create_batch(3)
    with time_machine.travel(now - FROZEN, tick=False):
        for guest in guests[:2]:
            grant_freezes(guest, 2, key="before")
    return Players(seed, UserFactory.create_batch(6), guests, now)


def play_round(players: Players, elsewhere: ProcessPoolExecutor) -> Game:
    """Let all write at once; at the end, every guest runs another lap."""
    game = Game(players)
    game.log.grants += [(n, (game.now - FROZEN).date()) for n in (0, 0, 1, 1)]
    connection.close()
    others = elsewhere.submit(play_elsewhere, players, ("e", "f", "g", "h"), STEPS)
    play(game, ("a", "b", "c", "d", "clerk", "helper"), STEPS)
    game.log.add(others.result())
    for number, guest in enumerate(game.guests):
        record_activity(guest, "lap")
        game.log.laps.append((number, game.now.date()))
    tend_boards()
    return game


def check_users(game: Game) -> None:
    """Compare every user with the naive lives."""
    said = game.log.said
    assert are_in_order(said)
    assert keys_are_used_once(game.log)
    for number, user in enumerate(game.users):
        own = [each for each in said if each.user == number]
        lives = live(own, game.log, game.now)
        assert state_of(user) in [life.books.state(game.now.date()) for life in lives]


def check_guests(game: Game) -> None:
    """Compare every guest with a streak that is worked out day by day."""
    active = {each.key for each in ACHIEVEMENTS if each.status == "active"}
    active |= {*game.log.versions[-1].activated}
    for number, guest in enumerate(game.guests):
        naive = naive_streak(game, number)
        days = [day for who, day in game.log.laps if who == number]
        # A pause between may let freezes cover an earlier gap, and not a later one any
        # more. Then the longest streak was longer before, and what it earned stays.
        before = STREAKS & held_by(guest)
        total, held = earned_by_laps(days, naive.longest, active, before)
        times = UserAchievement.objects.filter(
            user=guest, achievement__key="every third lap"
        )
        [status] = get_streaks(guest)
        current = naive.current if naive.is_alive else 0
        assert (status.current, status.longest) == (current, naive.longest)
        assert status.freezes == naive.stock
        assert times.count() == len(days) // 3
        assert held_by(guest) - {"every third lap"} == held
        assert total_of(guest) == total


def naive_streak(game: Game, number: int) -> Naive:
    log = game.log
    exceptions = Exceptions(
        tuple(Grant(day, 1) for who, day in log.grants if who == number),
        tuple(Pause(a, b) for who, a, b in log.pauses if who == number),
        frozenset(day for who, day in log.repairs if who == number),
    )
    dates = {day for who, day in log.laps if who == number}
    today = game.now.date()
    first = today - timedelta(days=20)
    version = StreakVersion(freeze_cap=2)
    naive = Naive(Case(version, dates, exceptions, first=first, today=today))
    naive.live()
    return naive
