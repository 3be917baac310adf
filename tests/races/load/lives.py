"""Replays the acts of writers in naive models, and compares the answers."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from tests.promises.books import Books
from tests.promises.in_books import ACHIEVEMENTS, ACTIVITIES, Model
from tests.promises.items import Refused, Request, level_of
from tests.races.load import Catalogue, Log, Said


class Life(Model):
    """The life of one user in the books, at one instant."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.users = [Books(0, [*self.achievements.values()])]
        self.now = now
        self.boosts: tuple[int, ...] = ()
        #: The ids of entries that can be reversed.
        self.ids: list[int] = []
        #: The last answer.
        self.answer: Any = None

    @property
    def books(self) -> Books:
        return self.users[0]

    def repeats(self, said: Said, catalogue: Catalogue) -> bool:
        """Repeat an act; say whether the answer is the same."""
        self.boosts = catalogue.boosts
        for activity in ACTIVITIES:
            prices = dict(catalogue.prices)
            self.price(activity.key, prices.get(activity.key, activity.xp))
        for key in catalogue.activated:
            self.activate(key)
        try:
            self.answer = getattr(self, f"do_{said.act}")(said)
        except Refused as refusal:
            self.answer = str(refusal)
        return bool(self.answer == said.answer)

    def factor_of(self, request: Request) -> Fraction:
        factor = Fraction(1)
        if request.activity == "walk" and request.at == self.now:
            for hundredths in self.boosts:
                factor *= Fraction(hundredths, 100)
        return factor

    def do_record(self, said: Said) -> Any:
        answers = self.batch([(0, *asked[1:]) for asked in said.asked], celebrate=True)
        ids = [each[0] for each in said.answer]
        items = [item for _, item in self.reversible[-len(answers) :]]
        self.ids += ids
        return [
            (number, item.xp, *answer)
            for number, item, answer in zip(ids, items, answers, strict=True)
        ]

    def do_reverse(self, said: Said) -> Any:
        return self.reverse(self.ids.index(said.asked))

    def do_undo(self, said: Said) -> Any:
        taken = [
            number
            for number, (books, item) in zip(self.ids, self.reversible, strict=True)
            if item.source == said.asked and item in books.items
        ]
        self.undo(0, said.asked)
        return sorted(taken)

    def do_adjust(self, said: Said) -> Any:
        total = self.adjust(0, said.asked)
        self.ids.append(said.place)
        return said.place, total

    def do_award(self, said: Said) -> Any:
        return self.award(0, said.asked)

    def do_revoke(self, said: Said) -> Any:
        return self.revoke(0, said.asked)

    def do_backfill(self, said: Said) -> Any:
        before = {*self.books.held}
        self.backfill(said.asked)
        return sorted(self._rewards(before))

    def do_recalculate(self, said: Said) -> Any:
        books, (keys, first, until) = self.books, said.asked
        items = [item for _, item in self.reversible]
        worths, before = [item.worth for item in items], {*books.held}
        changed = books.recalculate({*keys}, first, until)
        unlocked = [] if changed is None else books.settle(changed)
        books.look_up(unlocked, celebrate=False)
        corrections = [
            (number, "", item.worth - worth)
            for number, item, worth in zip(self.ids, items, worths, strict=True)
            if item.worth != worth
        ]
        return sorted([*corrections, *self._rewards(before)])

    def _rewards(self, before: set[str]) -> Iterator[tuple[int, str, int]]:
        held = self.books.held.items()
        return ((0, key, item.xp) for key, item in held if key not in before)

    def fingerprint(self) -> Any:
        """Return everything on which later answers depend."""
        books = self.books
        items = [
            (item.at, item.xp, item.units, item.rewarded, item.factor, item.achievement)
            for item in books.items
        ]
        peaks = books.highest_level, books.highest_streak
        return repr((items, sorted(books.barred), peaks, sorted(books.celebrated)))


def live(said: list[Said], log: Log, now: datetime) -> list[Life]:
    """Return the lives that give every answer that was given.

    An edit by staff at the same time may have counted or not, so there may be several.
    Fails if there is none.
    """
    lives = [(0, Life(now))]
    for each in sorted(said, key=lambda each: each.place):
        options = _options(log.versions, each)
        tries = [
            (number, life)
            for least, life in lives
            for number in options
            if number >= least
        ]
        later: dict[Any, tuple[int, Life]] = {}
        answers = []
        for number, life in tries:
            other = deepcopy(life) if len(tries) > 1 else life
            if other.repeats(each, log.versions[number]):
                later.setdefault(other.fingerprint(), (number, other))
            answers.append(other.answer)
        assert later, f"{each} was said, where books have {answers}."
        lives = [*later.values()]
    return [life for _, life in lives]


def _options(versions: list[Catalogue], said: Said) -> list[int]:
    """Return the places of the versions of the catalogue that an act may have seen."""
    ends = [version.until for version in versions[1:]] + [said.until]
    return [
        number
        for number, (version, end) in enumerate(zip(versions, ends, strict=True))
        if version.since <= said.until and end >= said.since
    ]


def are_in_order(said: list[Said]) -> bool:
    """Say whether nobody's act came before one that was over when it began."""
    latest: dict[int, int] = {}
    for each in sorted(said, key=lambda each: each.place):
        if each.until < latest.get(each.user, -1):
            return False
        latest[each.user] = max(latest.get(each.user, -1), each.since)
    return True


def keys_are_used_once(log: Log) -> bool:
    """Say whether each key has one entry, which all its replays name."""
    made: dict[tuple[int, str], set[int]] = {}
    for each in log.said:
        if each.act == "record":
            for asked, (entry_id, *_) in zip(each.asked, each.answer, strict=True):
                if asked[4]:
                    made.setdefault((each.user, asked[4]), set()).add(entry_id)
    replays = all(made[user, key] == {entry} for user, key, entry in log.replays)
    conflicts = all(name in made for name in log.conflicts)
    return replays and conflicts and all(len(each) == 1 for each in made.values())


def earned_by_laps(
    days: list[date], longest: int, active: set[str], before: set[str]
) -> tuple[int, set[str]]:
    """Return the total and the achievements of a user who only ran laps.

    The user still holds what they had ``before``.
    """
    held, total = set[str](), 2 * len(days) + 4 * (len(days) // 3)
    while True:
        measures = {
            "active_days": len({*days}),
            "longest_streak": longest,
            "level": level_of(total),
            "total_xp": total,
            "achievements": len(held) + (len(days) >= 3),
        }
        new = [
            each
            for each in ACHIEVEMENTS
            if each.key in active - held
            and (
                each.key in before or measures.get(each.criterion, 0) >= each.threshold
            )
        ]
        if not new:
            return total, held
        held |= {each.key for each in new}
        total += sum(each.xp for each in new)
