"""Levels: from XP to a level, and tables of levels."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.rules import MAX_TOTAL

#: Total XP at which each level begins; level 1 comes first. ``25 n (n - 1)``: each
#: level takes 50 XP more than the one before it.
LEVEL_THRESHOLDS: Final[tuple[int, ...]] = (
    # 1 to 10
    *(0, 50, 150, 300, 500, 750, 1_050, 1_400, 1_800, 2_250),
    # 11 to 20
    *(2_750, 3_300, 3_900, 4_550, 5_250, 6_000, 6_800, 7_650, 8_550, 9_500),
    # 21 to 30
    *(10_500, 11_550, 12_650, 13_800, 15_000, 16_250, 17_550, 18_900, 20_300, 21_750),
)

#: The most levels that a table may have.
MAX_LEVELS: Final = 500


class Curve(TextChoices):
    """The way in which levels become longer."""

    LINEAR = "linear", _("the same XP each time")
    STEPS = "steps", _("more XP each time")
    PERCENT = "percent", _("more percent each time")


class LevelRule(NamedTuple):
    """A level of the table: where it begins, and what it is called."""

    number: int
    #: Total XP at which the level begins.
    threshold: int
    name: str = ""
    icon: str = ""
    #: The name in other languages, by the language's code.
    translations: Mapping[str, str] = MappingProxyType({})

    def name_in(self, language: str | None) -> str:
        """Return the name in ``language``, such as ``de-at``, or the usual name."""
        return name_in(language, self.name, self.translations)


@dataclass(frozen=True, slots=True)
class LevelProgress:
    """The position of a total of XP between two levels."""

    level: int
    total_xp: int
    #: XP at which ``level`` begins.
    previous_threshold: int
    #: XP at which the next level begins; None at the top.
    next_threshold: int | None
    #: Share of the way to the next level, 0 to 1; 1 at the top.
    progress: float


def calculate_level_from_xp(
    total_xp: int, thresholds: Sequence[int] = LEVEL_THRESHOLDS
) -> int:
    """Return the level that ``total_xp`` reaches: at least 1, even below 0 XP."""
    return max(1, bisect_right(thresholds, total_xp))


def get_xp_for_next_level(
    current_level: int, thresholds: Sequence[int] = LEVEL_THRESHOLDS
) -> int | None:
    """Return the total XP at which the next level begins; None at the top.

    Raises ``ValueError`` for a level below 1.
    """
    if current_level < 1:
        msg = f"Levels begin at 1; there is no level {current_level}."
        raise ValueError(msg)
    return thresholds[current_level] if current_level < len(thresholds) else None


def get_level_progress(
    total_xp: int, thresholds: Sequence[int] = LEVEL_THRESHOLDS
) -> LevelProgress:
    """Return the level of ``total_xp`` and how far the next level is."""
    level = calculate_level_from_xp(total_xp, thresholds)
    begins, ends = thresholds[level - 1], get_xp_for_next_level(level, thresholds)
    share = 1.0 if ends is None else (total_xp - begins) / (ends - begins)
    return LevelProgress(level, total_xp, begins, ends, max(0.0, share))


def is_level_table(thresholds: object) -> bool:
    """Say whether ``thresholds`` is a sequence of XP that starts at 0 and rises.

    There are at most ``MAX_LEVELS``, and the last one begins at a total that users can
    have.
    """
    if not isinstance(thresholds, (list, tuple)):
        return False
    if not 1 <= len(thresholds) <= MAX_LEVELS:
        return False
    if any(type(threshold) is not int for threshold in thresholds):
        return False
    if thresholds[0] != 0 or thresholds[-1] > MAX_TOTAL:
        return False
    return all(low < high for low, high in pairwise(thresholds))


def name_in(language: str | None, name: str, translations: Mapping[str, str]) -> str:
    """Return the translation of ``name`` for ``language``, or ``name`` itself."""
    code = language or ""
    main = code.partition("-")[0]
    return translations.get(code) or translations.get(main) or name


def thresholds_of(levels: Iterable[LevelRule]) -> tuple[int, ...]:
    """Return the XP at which each of ``levels`` begins."""
    return tuple(level.threshold for level in levels)


def make_table(
    thresholds: Iterable[int], named: Iterable[LevelRule]
) -> tuple[LevelRule, ...]:
    """Return levels with ``thresholds``, named like those of the same number."""
    known = {level.number: level for level in named}
    return tuple(
        known.get(number, LevelRule(number, threshold))._replace(threshold=threshold)
        for number, threshold in enumerate(thresholds, start=1)
    )


def generate_thresholds(
    curve: Curve, *, count: int, first: int, growth: int = 0
) -> tuple[int, ...]:
    """Return the XP at which each of ``count`` levels begins.

    The first level takes ``first`` XP, and each further one as much, or ``growth`` XP
    or percent more than the one before it, by ``curve``. Raises ``ValueError`` for an
    unknown curve.
    """
    curve = Curve(curve)
    thresholds, total, step = [0], 0.0, float(first)
    for _level in range(1, count):
        total += step
        thresholds.append(round(total))
        if curve == Curve.STEPS:
            step += growth
        elif curve == Curve.PERCENT:
            step *= 1 + growth / 100
    return tuple(thresholds)
