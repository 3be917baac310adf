"""Counts again, one by one, the dates on which boosts multiplied XP.

Each entry keeps its own factor and is rounded by itself, so sums do not tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from gamification.domain.boosted import worth_of
from gamification.domain.history import StandingEntry, standing_entries
from gamification.domain.outcomes import Entry
from gamification.domain.recalculation import recalculate_day
from gamification.domain.rules import ActivityRule
from gamification.models import LedgerEntry
from gamification.services.balance.sql import Rate, entries_between, entries_of
from gamification.storage.streaming import stream


@dataclass(slots=True)
class BoostedDays:
    """The XP of boosted dates as it was, and by the rates of each world."""

    #: By the id of a rate: as it was, and in each world.
    xp: dict[int, list[int]] = field(default_factory=dict)
    #: XP that each user would have in addition, in each world.
    deltas: dict[Any, list[int]] = field(default_factory=dict)

    def add(self, user_id: Any, rate_id: int, was: int, worlds: list[int]) -> None:
        """Add the XP of a user by one rate."""
        known = self.xp.setdefault(rate_id, [0] * (1 + len(worlds)))
        for place, xp in enumerate((was, *worlds)):
            known[place] += xp
        deltas = self.deltas.setdefault(user_id, [0] * len(worlds))
        for place, xp in enumerate(worlds):
            deltas[place] += xp - was


def has_boosts(since: date, until: date) -> bool:
    """Say whether a boost multiplied any XP of these dates."""
    return entries_between(since, until).filter(boosts__isnull=False).exists()


def boosted(entries: QuerySet[Any]) -> Exists:
    """Return the condition that a boost multiplied XP of the user on that date."""
    ledger = LedgerEntry.objects.using(entries.db)
    same_day = {"user": OuterRef("user"), "local_date": OuterRef("local_date")}
    return Exists(ledger.filter(boosts__isnull=False, **same_day))


def count_boosted(
    worlds: tuple[Collection[Rate], ...], since: date, until: date, every: int
) -> BoostedDays:
    """Return the XP that the rates of each world would have given on boosted dates.

    Rates that are counted one by one elsewhere keep the XP that was given.
    """
    result = BoostedDays()
    wanted = [rate for rates in worlds for rate in rates]
    if not wanted or not has_boosts(since, until):
        return result
    by_id = [{rate.id: rate for rate in rates} for rates in worlds]
    entries = entries_of(wanted, since, until, every)
    rows = entries.filter(boosted(entries)).order_by("user_id", "id")
    read = (Entry(*row) for row in stream(rows.values_list(*Entry._fields)))
    for user_id, ledger in groupby(read, lambda entry: entry.user_id):
        for rate_id, known in by_rate(ledger).items():
            was = sum(entry.amount for entry in known)
            standing = [*standing_entries(known)]
            found = [_due(standing, rates[rate_id], was) for rates in by_id]
            result.add(user_id, rate_id, was, found)
    return result


def by_rate(ledger: Iterable[Entry]) -> Mapping[int, list[Entry]]:
    """Return entries by the id of their rate."""
    known: dict[int, list[Entry]] = {}
    for entry in ledger:
        rate_id = entry.activity_id or -(entry.achievement_id or 0)
        known.setdefault(rate_id, []).append(entry)
    return known


def _due(standing: list[StandingEntry], rate: Rate, was: int) -> int:
    """Return the XP that ``rate`` gives for these entries of one user."""
    if rate.cooldown is not None:
        return was
    return sum(worth for _each, worth in worths(standing, rate))


def worths(
    standing: Iterable[StandingEntry], rate: Rate
) -> Iterator[tuple[StandingEntry, int]]:
    """Yield entries of one user, each with the XP that ``rate`` gives for it."""
    if rate.id < 0:
        for each in standing:
            yield each, worth_of(rate.reward, each.entry.boosts)
        return
    cooldown = 1 if rate.has_cooldown else None
    rule = ActivityRule(rate.id, rate.key, rate.reward, rate.limit, cooldown)
    days: dict[date, list[StandingEntry]] = {}
    for each in sorted(standing, key=lambda each: each.entry.occurred_at):
        days.setdefault(each.entry.local_date, []).append(each)
    for day in days.values():
        for due in recalculate_day(day, rule):
            yield due.standing, due.standing.worth + due.amount
