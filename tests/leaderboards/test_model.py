"""Leaderboards of random ledgers are those that a naive model reads from its books."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.exceptions import InsufficientXPError
from gamification.leaderboards import (
    count_drifts,
    get_leaderboard,
    tend_boards,
)
from gamification.leaderboards.upkeep import segments
from gamification.models import Achievement
from gamification.services import (
    adjust_xp,
    record_activity,
    reverse_entry,
    set_visibility,
)
from gamification.staff import hold_user, lift_restriction
from tests.factories import ActivityFactory, UserFactory

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)

#: The last three are not ranked: staff, inactive, and private.
FLAGS = [{}] * 6 + [{"is_staff": True}, {"is_active": False}, {}]

USERS = st.integers(0, len(FLAGS) - 1)
# Few of them, and on both sides of the bounds, so that equals are common.
MOMENTS = st.sampled_from([0, 5, 11, 12, 13, 30, 60, 61, 300]).map(
    lambda hours: NOW - timedelta(hours=hours)
)
STEPS = st.one_of(
    st.tuples(st.just("earn"), USERS, st.integers(1, 3), MOMENTS),
    st.tuples(st.just("earn"), USERS, st.integers(1, 3), MOMENTS),
    st.tuples(st.just("adjust"), USERS, st.integers(-3, 3).filter(bool), MOMENTS),
    st.tuples(st.just("reverse"), st.integers(0, 99)),
    st.tuples(st.just("show"), USERS, st.booleans()),
    st.tuples(st.just("staff_"), USERS, st.booleans()),
    st.tuples(st.just("hold"), USERS, st.booleans()),
    st.tuples(st.just("tend")),
)
ZONES = ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"]


class Question(NamedTuple):
    window: str
    ranking: str
    page: int
    page_size: int
    around: int | None
    viewer: int | None


QUESTIONS = st.builds(
    Question,
    window=st.sampled_from(["day", "week", "month", "all"]),
    ranking=st.sampled_from(["competition", "dense", "ordinal"]),
    page=st.integers(1, 3),
    page_size=st.integers(1, 5),
    around=USERS | st.none(),
    viewer=USERS | st.none(),
)


class Books:
    """What each user gained and lost, and when it happened."""

    def __init__(self, zone):
        self.zone = zone
        self.staff, self.private, self.held = {6}, {8}, set[int]()
        #: User, XP and instant of each entry, in order of arrival.
        self.entries: list[tuple[int, int, datetime]] = []
        #: Places of those that were reversed.
        self.reversed: set[int] = set()

    @property
    def standing(self):
        return [
            entry
            for place, entry in enumerate(self.entries)
            if place not in self.reversed
        ]

    def earn(self, *entry):
        self.entries.append(entry)

    def adjust(self, user, amount, at):
        balance = sum(xp for owner, xp, _ in self.standing if owner == user)
        if amount > 0 or balance + amount >= 0:
            self.earn(user, amount, at)

    def reverse(self, number):
        if self.entries:
            self.reversed.add(number % len(self.entries))

    def show(self, user, is_public):
        (self.private.discard if is_public else self.private.add)(user)

    def staff_(self, user, is_staff):
        (self.staff.add if is_staff else self.staff.discard)(user)

    def hold(self, user, is_held):
        (self.held.add if is_held else self.held.discard)(user)

    def tend(self):
        """Change nothing: nobody sees when boards are tended."""

    def ranking(self, window):
        """Return user, score and when it was reached, the first of them first."""
        scores: dict[int, Any] = {}
        for user, amount, at in self.standing:
            if user in {7} | self.staff | self.private | self.held:
                continue
            if name(window, self.zone, at) != name(window, self.zone, NOW):
                continue
            score, reached = scores.get(user, (0, datetime.min.replace(tzinfo=UTC)))
            scores[user] = score + amount, max(reached, at) if amount > 0 else reached
        rows = [(user, *row) for user, row in scores.items() if row[0] > 0]
        return sorted(rows, key=lambda row: (-row[1], row[2], row[0]))

    def answer(self, question):
        rows = self.ranking(question.window)
        places, last = {}, None
        scores = [score for _, score, _ in rows]
        for position, (user, score, reached) in enumerate(rows):
            rank = {
                "competition": scores.index(score) + 1,
                "dense": len({each for each in scores if each >= score}),
                "ordinal": position + 1,
            }[question.ranking]
            gap = None if last is None else last - score
            places[user] = (rank, user, score, gap, reached)
            last = score
        users, size = list(places), question.page_size
        first = (question.page - 1) * size
        if question.around is not None:
            first = 0
            if question.around in users:
                first = users.index(question.around) - size // 2
                first = max(0, min(first, len(users) - size))
        own = question.around if question.viewer is None else question.viewer
        shown = [places[user] for user in users[first : first + size]]
        return len(users), first, shown, places.get(own)


def name(window, zone, at):
    """Return the name of the period of an instant."""
    local = at.astimezone(ZoneInfo(zone))
    return {
        "day": local.date(),
        "week": local.isocalendar()[:2],
        "month": (local.year, local.month),
        "all": None,
    }[window]


class Site:
    """The same through the services."""

    def __init__(self):
        Achievement.objects.all().delete()
        ActivityFactory(key="walk", xp_reward=1)
        users = [UserFactory(**flags) for flags in FLAGS[:6]]
        # Equals are in the order of their keys, which may be random.
        users.sort(key=lambda user: user.pk)
        self.users = users + [UserFactory(**flags) for flags in FLAGS[6:]]
        self.numbers = {user.pk: number for number, user in enumerate(self.users)}
        self.entries: list[tuple[Any, int]] = []
        set_visibility(self.users[-1], is_public=False)
        tend_boards()

    def earn(self, number, amount, at):
        user = self.users[number]
        outcome = record_activity(
            user, "walk", quantity=amount, occurred_at=at, historical=True
        )
        self.entries.append((user, outcome.entry.id))

    def adjust(self, number, amount, at):
        user = self.users[number]
        try:
            with time_machine.travel(at, tick=False):
                outcome = adjust_xp(user, amount=amount, note="So be it.")
        except InsufficientXPError:
            return
        self.entries.append((user, outcome.entry.id))

    def reverse(self, number):
        if self.entries:
            user, entry_id = self.entries[number % len(self.entries)]
            reverse_entry(user, entry_id=entry_id)

    def show(self, number, is_public):
        set_visibility(self.users[number], is_public=is_public)

    def staff_(self, number, is_staff):
        self.users[number].is_staff = is_staff
        self.users[number].save()

    def hold(self, number, is_held):
        user, until = self.users[number], NOW + timedelta(days=1)
        if is_held:
            hold_user(user, until=until, reason="Let us see.", actor=None)
        else:
            lift_restriction(user, "hold", actor=None)

    def tend(self):
        tend_boards()

    def answer(self, question):
        people = [
            None if number is None else self.users[number]
            for number in (question.around, question.viewer)
        ]
        page = get_leaderboard(
            **question._replace(around=people[0], viewer=people[1])._asdict()
        )
        me = page.me and self.tell(page.me)
        return page.count, page.offset, [*map(self.tell, page.entries)], me

    def tell(self, entry):
        number = self.numbers[entry.user_id]
        assert entry.user == self.users[number]
        return entry.rank, number, entry.score, entry.gap_to_next, entry.reached_at


def within(zone):
    return {"LEADERBOARD_ZONE": zone}


@pytest.fixture
def small_segments(monkeypatch):
    """Let segments hold few scores, so that boards of few users have several."""
    monkeypatch.setattr(segments, "SIZE", 1)
    monkeypatch.setattr(segments, "SPAN", 2)


@pytest.mark.usefixtures("small_segments")
@pytest.mark.django_db
@given(
    st.lists(STEPS, max_size=25),
    st.lists(QUESTIONS, min_size=1, max_size=6),
    st.sampled_from(ZONES),
)
@settings(
    max_examples=int(os.environ.get("BOARD_EXAMPLES", "20")),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
def test_a_board_is_what_the_books_say(steps, questions, zone):
    books, zoned = Books(zone), override_settings(GAMIFICATION=within(zone))
    with time_machine.travel(NOW, tick=False), zoned, transaction.atomic():
        site = Site()
        for verb, *arguments in steps:
            getattr(books, verb)(*arguments)
            getattr(site, verb)(*arguments)
        said = [site.answer(question) for question in questions]
        tend_boards()
        assert [site.answer(question) for question in questions] == said
        assert count_drifts() == []
        transaction.set_rollback(True)

    assert said == [books.answer(question) for question in questions]
