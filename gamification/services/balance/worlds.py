"""The same records with today's and with proposed numbers, and what follows for users.

Sums by user come from the database. Then each user is played in both worlds.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from django.db.models import Q
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.decisions import decide_supposition
from gamification.domain.estimates import Estimate, Sample
from gamification.domain.outcomes import Entry
from gamification.domain.state import UserState
from gamification.models import UserGamification, write_alias
from gamification.services.balance.boosted_days import (
    BoostedDays,
    boosted,
    count_boosted,
)
from gamification.services.balance.cooldowns import Recount, recount
from gamification.services.balance.dated_gains import dated_gains
from gamification.services.balance.sql import (
    Rate,
    day_sums,
    due_sql,
    entries_of,
    whole_rows,
)
from gamification.services.effects import choose, mixed, play, thinning
from gamification.storage.catalogue import load_catalogue

#: The worlds that are compared: as it was, with today's and with proposed numbers.
WORLDS: Final = ("was", "today", "proposed")


class SimulatedNumber(NamedTuple):
    """A number as it was, and with today's and with the proposed numbers."""

    was: int
    today: int
    proposed: int


class RatePair(NamedTuple):
    """Today's and the proposed rate of an activity or an achievement."""

    today: Rate
    proposed: Rate

    @property
    def id(self) -> int:
        return self.today.id

    @property
    def key(self) -> str:
        return self.today.key

    @property
    def has_cooldown(self) -> bool:
        """Whether records have to be counted one by one."""
        return any(rate.cooldown is not None for rate in self)


class Sums(NamedTuple):
    """The sums that a proposal would have given."""

    #: All users' XP by the id of a rate.
    xp: Mapping[int, SimulatedNumber]
    #: XP on top of what was, today and as proposed, by the key of a user's row.
    gains: Mapping[int, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a period, of one of ``every`` so many users."""

    pairs: Sequence[RatePair]
    since: date
    until: date
    every: int
    #: The XP by cooldowns, today and as proposed, which sums do not tell.
    recounts: tuple[Recount, Recount]
    #: The XP of boosted dates, which sums do not tell either.
    boosted: BoostedDays

    @classmethod
    def of(
        cls, pairs: Sequence[RatePair], since: date, until: date, every: int
    ) -> Records:
        """Return the records to which ``pairs`` apply."""
        counted = [
            [rate for rate in rates if rate.cooldown is not None]
            for rates in _both_rates(pairs)
        ]
        today, proposed = recount(counted, since, until, every)
        boosted = count_boosted(_both_rates(pairs), since, until, every)
        return cls(pairs, since, until, every, (today, proposed), boosted)

    def sums(self, every: int) -> Sums:
        """Return the XP of these users, and what one of ``every`` so many gains."""
        sql, values = self._sql()
        profiles = UserGamification._meta.db_table
        rows = whole_rows(
            f"WITH w AS ({sql}) "
            "SELECT 0, origin, sum(xp), sum(today), sum(proposed) FROM w "
            "GROUP BY origin UNION ALL "
            "SELECT 1, p.id, 0, sum(w.today - w.xp), sum(w.proposed - w.xp) "
            f"FROM w JOIN {profiles} p ON p.user_id = w.user_id "
            "WHERE p.id %% %s = 0 GROUP BY p.id",
            [*values, every],
        )
        xp = {pk: SimulatedNumber(*sums) for kind, pk, *sums in rows if kind == 0}
        gains = {pk: sums for kind, pk, _, *sums in rows if kind == 1}
        return Sums({pair.id: self._xp(pair.id, xp) for pair in self.pairs}, gains)

    def _xp(
        self, rate_id: int, summed: Mapping[int, SimulatedNumber]
    ) -> SimulatedNumber:
        """Return all users' XP by a rate."""
        plain = summed.get(rate_id, (0, 0, 0))
        more = self.boosted.xp.get(rate_id, (0, 0, 0))
        was, *after = map(sum, zip(plain, more, strict=True))
        for place, each in enumerate(self.recounts):
            if rate_id in each.xp:
                after[place] = each.xp[rate_id][1]
        return SimulatedNumber(*(self.every * xp for xp in (was, *after)))

    def gains(self, sums: Sums, chosen: Mapping[int, Any]) -> dict[Any, list[int]]:
        """Return the XP on top of what was, in both worlds, of the ``chosen`` users.

        Those are users of ``sums``, by the key of their row.
        """
        gains = {chosen[pk]: [*xp] for pk, xp in sums.gains.items() if pk in chosen}
        for place, each in enumerate(self.recounts):
            for user_id, xp in each.deltas.items():
                gains.setdefault(user_id, [0, 0])[place] += xp
        for user_id, deltas in self.boosted.deltas.items():
            known = gains.setdefault(user_id, [0, 0])
            known[:] = map(sum, zip(known, deltas, strict=True))
        return gains

    def dated(
        self, states: Mapping[Any, UserState], now: datetime
    ) -> Mapping[Any, Sequence[Sequence[Entry]]]:
        """Return what the records of users give in both worlds, where dates matter.

        Those users have their ledgers.
        """
        user_ids = [pk for pk, state in states.items() if state.ledger is not None]
        rates = _both_rates(self.pairs)
        return dated_gains(rates, user_ids, self.since, self.until, now)

    def _sql(self) -> tuple[str, list[Any]]:
        """Return SQL with the XP of users by origin, in each of the worlds."""
        today, proposed = _both_rates(self.pairs)
        rates, only = [*today, *proposed], None
        if self.boosted.xp:
            entries = entries_of(rates, self.since, self.until, self.every)
            only = ~Q(boosted(entries))
        days = day_sums(rates, self.since, self.until, self.every, only=only)
        inner, values = days.query.sql_with_params()
        columns, rewards = [], []
        for name, rates in zip(WORLDS[1:], (today, proposed), strict=True):
            due, numbers = due_sql([rate for rate in rates if rate.cooldown is None])
            columns.append(f"{due} AS {name}")
            rewards += numbers
        sql = f"SELECT user_id, origin, xp, {', '.join(columns)} FROM ({inner}) AS days"
        return sql, [*rewards, *values]


def play_records(
    records: Records,
    rewards: Mapping[str, int],
    thresholds: tuple[int, ...],
    began: float,
) -> tuple[Sample, Catalogue, Mapping[int, SimulatedNumber]]:
    """Play users in both worlds; return their numbers, the catalogue, and XP by rate.

    The proposal has other ``rewards`` for unlocks, by key, and other ``thresholds``.
    """
    profiles = UserGamification.objects.all()
    count = profiles.count()
    every = records.every * thinning(count, records.every)
    chosen = choose(profiles, every)
    sums = records.sums(every)
    gains = records.gains(sums, chosen)
    sample, now = Sample(count), timezone.now()
    for snapshot in play(mixed(chosen), sample, began):
        today = conf.rules(snapshot.catalogue)
        other = snapshot.catalogue.with_rewards(rewards)
        proposed = today._replace(catalogue=other, thresholds=thresholds)
        keys = snapshot.catalogue.achievement_keys
        dated = records.dated(snapshot.states, now)
        for user_id, state in snapshot.states.items():
            worlds = [
                decide_supposition(state, xp, rules, now, corrections)
                for xp, rules, corrections in zip(
                    gains.get(user_id, (0, 0)),
                    (today, proposed),
                    dated.get(user_id, ((), ())),
                    strict=True,
                )
            ]
            sample.add(_effect(state.level, worlds, keys))
    return sample, load_catalogue(write_alias()), sums.xp


def both(sample: Sample, kind: str, name: str = "") -> tuple[Estimate, Estimate]:
    """Return a number of ``sample`` today and as proposed."""
    today, proposed = (sample.estimate((kind, (world, name))) for world in WORLDS[1:])
    return today, proposed


def _effect(
    level: int, worlds: Sequence[UserChangeset], keys: Mapping[int, str]
) -> dict[Hashable, int]:
    """Return what differs between the worlds for one user, as numbers to add up."""
    numbers: dict[Hashable, int] = {("level", (WORLDS[0], level)): 1}
    for world, changeset in zip(WORLDS[1:], worlds, strict=True):
        numbers["level", (world, changeset.level)] = 1
        for unlock in changeset.unlocks:
            numbers["unlock", (world, keys[unlock.achievement_id])] = 1
        xp = sum(unlock.xp_awarded for unlock in changeset.unlocks)
        numbers["followed", (world, "")] = xp
    today, proposed = (changeset.level for changeset in worlds)
    if today != proposed:
        numbers["raised" if proposed > today else "lowered"] = 1
    return numbers


def _both_rates(pairs: Sequence[RatePair]) -> tuple[list[Rate], list[Rate]]:
    return [pair.today for pair in pairs], [pair.proposed for pair in pairs]
