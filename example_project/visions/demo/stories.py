"""Stories of invented people: the same ones every time, up to today."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

#: The user as whom visitors look around, and the number of other users.
VISITOR: Final = "demo"
CROWD: Final = 300

ONE_DAY: Final = timedelta(days=1)

ZONES: Final = (
    *("", "Europe/London", "Europe/Berlin", "Africa/Cairo", "Asia/Kolkata"),
    *("Asia/Tokyo", "Pacific/Auckland", "America/Sao_Paulo", "America/New_York"),
    *("America/Los_Angeles", "Pacific/Honolulu"),
)

#: Titles of visions, each with the name of its KPIs.
THEMES: Final = (
    ("Run a half marathon", "Training run"),
    ("Speak Italian", "Lesson"),
    ("Write a novel", "Scene"),
    ("Play the piano", "Practice session"),
    ("Grow our own vegetables", "Afternoon in the garden"),
    ("Read the classics", "Chapter"),
    ("Open the online shop", "Step"),
    ("A calmer mind", "Meditation"),
)


class Told(Enum):
    """When somebody tells the site about a KPI."""

    AT_ONCE = "at once"
    #: After later KPIs.
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Step:
    """A KPI that was completed."""

    vision: str
    title: str
    at: datetime
    told: Told


@dataclass(frozen=True, slots=True)
class Story:
    """The actions of a person, in order."""

    username: str
    #: Empty if the person never chose one.
    time_zone: str
    #: Titles of visions with the instant at which each was created.
    visions: dict[str, datetime]
    steps: list[Step]
    #: KPIs still to be done, with the vision of each.
    open_steps: list[tuple[str, str]]

    @property
    def begins(self) -> datetime:
        return min(self.visions.values())


#: Yields the dates, up to today, of the KPIs that somebody completes.
Habit = Callable[[Random, date], Iterator[date]]


def all_stories(now: datetime) -> Iterator[Story]:
    """Yield the visitor's story, and then those of the others."""
    yield _story(VISITOR, "", visitor, now)
    for number in range(1, CROWD + 1):
        zone = ZONES[number % len(ZONES)]
        yield _story(f"demo-{number:03}", zone, HABITS[number % len(HABITS)], now)


def visitor(rng: Random, today: date) -> Iterator[date]:
    """One KPI away from 30 days in a row, from 100 KPIs, and from a level."""
    for ago in sorted(rng.sample(range(40, 150), 70), reverse=True):
        yield today - timedelta(ago)
    yield from _days(today - ONE_DAY, 28)


def steady(rng: Random, today: date) -> Iterator[date]:
    """Most days, for months."""
    for day in _days(today, rng.randint(60, 240)):
        if rng.random() < 0.65:
            yield day


def weekdays(rng: Random, today: date) -> Iterator[date]:
    """Nearly every day from Monday to Friday."""
    for day in _days(today, rng.randint(40, 200)):
        if day.weekday() < 5 and rng.random() < 0.95:
            yield day


def weekends(rng: Random, today: date) -> Iterator[date]:
    """A few on Saturdays and Sundays."""
    for day in _days(today, rng.randint(60, 240)):
        if day.weekday() >= 5:
            yield from [day] * rng.randint(1, 2)


def streaker(rng: Random, today: date) -> Iterator[date]:
    """Every single day."""
    yield from _days(today, rng.randint(5, 130))


def lapsed(rng: Random, today: date) -> Iterator[date]:
    """Diligent once, and then no more."""
    yield from steady(rng, today - timedelta(rng.randint(15, 120)))


def newcomer(rng: Random, today: date) -> Iterator[date]:
    """Here since a few days."""
    yield from _days(today, rng.randint(1, 6))


def bursts(rng: Random, today: date) -> Iterator[date]:
    """Nothing for weeks, and then very much on one day."""
    for day in _days(today, rng.randint(60, 240)):
        if rng.random() < 0.06:
            yield from [day] * rng.randint(4, 14)


def latecomer(rng: Random, today: date) -> Iterator[date]:
    """As steady, but forgets to tell; see ``LATE``."""
    yield from steady(rng, today)


HABITS: Final[tuple[Habit, ...]] = (
    *(steady, weekdays, weekends, streaker),
    *(lapsed, newcomer, bursts, latecomer),
)
#: The hour at which people get up.
WAKES_AT: Final = 7

#: Share of a latecomer's KPIs that are recorded after later ones.
LATE: Final = 0.3


def _days(today: date, ago: int) -> Iterator[date]:
    """Yield each date from ``ago`` days ago to today."""
    return (today - timedelta(days) for days in range(ago, -1, -1))


def _story(username: str, time_zone: str, habit: Habit, now: datetime) -> Story:
    rng = Random(username)  # noqa: S311 - the same people every time
    themes = dict(rng.sample(THEMES, rng.randint(1, 4)))
    day_times = _DayTimes(rng, ZoneInfo(time_zone or "UTC"), now)
    instants = sorted(day_times.on(habit(rng, now.date())))
    counts = dict.fromkeys(themes, 0)
    visions: dict[str, datetime] = {}
    steps = []
    for at in instants:
        # Each new vision joins the older ones.
        vision = rng.choice([*themes][: 1 + len(visions)])
        visions.setdefault(vision, at - timedelta(minutes=10))
        counts[vision] += 1
        title = f"{themes[vision]} {counts[vision]}"
        steps.append(Step(vision, title, at, _told(rng, habit)))
    open_steps = [(v, f"{themes[v]} {counts[v] + n}") for v in visions for n in (1, 2)]
    return Story(username, time_zone, visions, steps, open_steps)


def _told(rng: Random, habit: Habit) -> Told:
    is_late = habit is latecomer and rng.random() < LATE
    return Told.LATE if is_late else Told.AT_ONCE


@dataclass(frozen=True, slots=True)
class _DayTimes:
    """Chooses the times at which somebody does things.

    A zone counts from the moment of choosing it, which for these people is now: their
    earlier days are those of UTC. So each time is in the daytime of ``zone``, and has
    the same date in both.
    """

    rng: Random
    zone: ZoneInfo
    now: datetime

    def on(self, days: Iterable[date]) -> Iterator[datetime]:
        """Yield an instant, not after now, for each of ``days`` that has one."""
        for day in days:
            midnight = datetime.combine(day, time(), UTC)
            hours = [midnight + timedelta(hours=hour) for hour in range(24)]
            if awake := [at for at in hours if self._is_awake(at, day)]:
                at = self.rng.choice(awake)
                yield min(at + timedelta(seconds=self.rng.randrange(1800)), self.now)

    def _is_awake(self, at: datetime, day: date) -> bool:
        local = at.astimezone(self.zone)
        return at <= self.now and local.date() == day and local.hour >= WAKES_AT
