"""Plays an act for many users: finds out its effects without writing anything."""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final, NamedTuple

from django.db.models import F, QuerySet

from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.estimates import Estimate, Sample
from gamification.domain.state import UserState
from gamification.models import UserGamification, write_alias
from gamification.storage import Snapshot, StateQuery, store_for
from gamification.storage.streaks import load_ledgers

#: The time that a preview may take until it plays no more users, in seconds.
TIME: Final = 3.0
#: The most users that are played, and how many of them are in memory together.
MOST: Final = 20_000
USERS_AT_ONCE: Final = 500

#: The same users are chosen each time, so that a preview can be repeated.
_SEED: Final = 20_260_101


class UnlockEffect(NamedTuple):
    """An achievement, and the number of users who unlock it."""

    key: str
    name: str
    users: Estimate


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of an act on users, with everything that follows from it."""

    #: Users who were played, and the number of users that they stand for.
    played: int
    population: int
    #: Users whom the act changes, and the XP that they gain, less what they lose.
    users: Estimate
    xp: Estimate
    #: Users whose level becomes higher, or lower.
    raised: Estimate
    lowered: Estimate
    #: The achievements that users unlock, most users first.
    unlocks: tuple[UnlockEffect, ...] = ()
    #: Users by their level before and after.
    moves: Mapping[tuple[int, int], int] = field(default_factory=dict)

    @classmethod
    def of(cls, sample: Sample, catalogue: Catalogue) -> Effects:
        """Return the effects on all users for whom ``sample`` stands."""
        known, moves = catalogue.achievements, sample.names("move")
        unlocks = [
            UnlockEffect(key, known[key].name, sample.estimate(("unlock", key)))
            for key in sample.names("unlock")
        ]
        return cls(
            sample.size,
            sample.population,
            sample.estimate("users"),
            sample.estimate("xp"),
            sample.estimate("raised"),
            sample.estimate("lowered"),
            tuple(sorted(unlocks, key=lambda each: (-each.users.value, each.key))),
            {move: sample.estimate(("move", move)).value for move in sorted(moves)},
        )

    @property
    def is_exact(self) -> bool:
        """Whether all users were played."""
        return self.played >= self.population

    def unlocks_besides(self, key: str) -> list[UnlockEffect]:
        """Return the unlocks without those of the achievement with this key."""
        return [each for each in self.unlocks if each.key != key]


def thinning(count: int, every: int = 1) -> int:
    """Return n: of ``count`` rows, one of ``every`` times n is few enough to play."""
    return max(1, ceil(count / every / MOST))


def choose(profiles: QuerySet[UserGamification], every: int) -> dict[int, Any]:
    """Return one of ``every`` so many users, by the key of their row."""
    if every > 1:
        profiles = profiles.annotate(turn=F("pk") % every).filter(turn=0)
    return dict(profiles.order_by().values_list("pk", "user_id"))


def mixed(keys: Collection[int], most: int | None = None) -> list[int]:
    """Return at most so many of ``keys``, or as many as are played, in random order."""
    number = min(MOST if most is None else most, len(keys))
    return random.Random(_SEED).sample(sorted(keys), number)  # noqa: S311


def play(keys: Sequence[int], sample: Sample, began: float) -> Iterator[Snapshot]:
    """Yield the states of the users whose rows have ``keys``, until the time is up.

    The preview ``began`` at this time of ``time.monotonic``. The users count as part of
    ``sample``, including those whose row is gone.
    """
    for first in range(0, len(keys), USERS_AT_ONCE):
        if first and time.monotonic() - began > TIME:
            return
        page = keys[first : first + USERS_AT_ONCE]
        sample.size += len(page)
        rows = UserGamification.objects.filter(pk__in=page)
        yield read_users([*rows.values_list("user_id", flat=True)])


def read_users(user_ids: Sequence[Any]) -> Snapshot:
    """Return the states of users, with their ledgers if these tell what they get."""
    query = StateQuery(user_ids, conf.default_calendar, activities=None)
    snapshot = store_for(write_alias()).read(query)
    load_if_open(snapshot.states.values(), snapshot.catalogue)
    return snapshot


def load_if_open(states: Iterable[UserState], catalogue: Catalogue) -> None:
    """Give ``states`` their ledgers if only these tell what some of them get.

    That is so if the date of an unlock decides how much XP it gives, or whether there
    is one, and if a season or a period is counted.
    """
    needs_ledgers = (
        catalogue.boosts.boosts_rewards
        or catalogue.trees.needs_ledgers
        or any(rule.is_spanned for rule in catalogue.special)
    )
    if needs_ledgers:
        load_ledgers(states, catalogue, store_for(write_alias()))
