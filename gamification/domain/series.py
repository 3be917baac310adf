"""Series: achievements that are steps of one another, such as bronze, silver, gold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import groupby, pairwise
from typing import NamedTuple

from gamification.domain.outcomes import Unlock
from gamification.domain.rules import AchievementRule


class SeriesStep(NamedTuple):
    """A step of a series, and what it asks of users."""

    series: str
    step: int
    key: str
    #: The criterion, and what it is about: only steps that measure the same compare.
    measure: object
    threshold: int


def highest_steps(
    unlocks: Iterable[Unlock],
    rules: Mapping[str, AchievementRule],
    held: AbstractSet[int],
) -> list[Unlock]:
    """Return the unlocks to celebrate: of each series, the highest step alone.

    It stands for the lower steps that were unlocked with it, and has their XP. A step
    below one that the user held before is not celebrated: ``held`` has the ids of
    these. ``rules`` has all achievements by key.
    """
    chosen: dict[tuple[str, str], Unlock] = {}
    for unlock in unlocks:
        series = rules[unlock.achievement].series
        place = ("series", series) if series else ("", unlock.achievement)
        known = chosen.get(place)
        if known is None:
            chosen[place] = unlock
            continue
        pair = sorted(
            (known, unlock), key=lambda each: (_step_of(each, rules), each.number)
        )
        chosen[place] = replace(pair[1], xp=known.xp + unlock.xp)
    tops = _tops(rules.values(), held) if any(kind for kind, _ in chosen) else {}
    return [
        unlock
        for (kind, name), unlock in chosen.items()
        if not kind or _step_of(unlock, rules) > tops.get(name, 0)
    ]


def _step_of(unlock: Unlock, rules: Mapping[str, AchievementRule]) -> int:
    return rules[unlock.achievement].step or 0


def _tops(rules: Iterable[AchievementRule], held: AbstractSet[int]) -> dict[str, int]:
    """Return the highest step of each series that a user holds."""
    tops: dict[str, int] = {}
    for rule in rules:
        if rule.series and rule.id in held:
            tops[rule.series] = max(tops.get(rule.series, 0), rule.step or 0)
    return tops


def falling_steps(
    steps: Iterable[SeriesStep],
) -> Iterator[tuple[SeriesStep, SeriesStep]]:
    """Yield neighbours in a series whose higher step does not ask for more.

    Steps that measure different things are not compared.
    """

    def place(step: SeriesStep) -> tuple[str, str]:
        return step.series, repr(step.measure)

    in_order = sorted(steps, key=lambda step: (*place(step), step.step))
    for _same, group in groupby(in_order, place):
        for lower, higher in pairwise(group):
            if higher.step > lower.step and higher.threshold <= lower.threshold:
                yield lower, higher
