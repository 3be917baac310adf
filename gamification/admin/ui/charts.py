"""Charts as plain SVG, drawn on the server, each with a table of its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

from django.utils import formats

#: Units of the drawing: its size, and what stays free for the words at its edges.
WIDTH: Final = 720
HEIGHT: Final = 240
_LEFT: Final = 56
_TOP: Final = 12
_BOTTOM: Final = 24

#: The most words below a chart, and the most colours in one.
_MOST_LABELS: Final = 12
COLOURS: Final = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, with what it says."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A word at an edge of the drawing."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over labels: one for each series, beside each other or on each other.

    Losses have no bar; the table has them.
    """

    id: str
    title: str
    #: What the numbers are, such as ``XP``.
    unit: str
    labels: Sequence[str]
    #: Numbers by the name of their series, one for each label.
    series: Mapping[str, Sequence[float]]
    is_stacked: bool = False

    width = WIDTH
    height = HEIGHT
    #: Where the drawing begins and ends.
    left = _LEFT
    bottom = HEIGHT - _BOTTOM

    @property
    def is_empty(self) -> bool:
        return not any(any(numbers) for numbers in self.series.values())

    def legend(self) -> list[tuple[int, str]]:
        """Return the colour and the name of each series."""
        return [(n % COLOURS, name) for n, name in enumerate(self.series)]

    def table(self) -> list[tuple[str, list[str]]]:
        """Return each label with its numbers in words."""
        return [(label, [*map(spelled, numbers)]) for label, numbers in self.rows()]

    def rows(self) -> list[tuple[str, list[float]]]:
        """Return each label with its number in each series."""
        return [
            (label, [numbers[n] for numbers in self.series.values()])
            for n, label in enumerate(self.labels)
        ]

    def bars(self) -> Iterator[Bar]:
        """Yield what is drawn."""
        step = (WIDTH - _LEFT) / max(1, len(self.labels))
        for position, (label, numbers) in enumerate(self.rows()):
            yield from self._group(_LEFT + position * step, step, label, numbers)

    def _group(
        self, x: float, step: float, label: str, numbers: Sequence[float]
    ) -> Iterator[Bar]:
        wide = step * 0.8 / (1 if self.is_stacked else len(numbers))
        below = 0.0
        for place, name in enumerate(self.series):
            number = numbers[place]
            if number <= 0:
                continue
            beside = 0 if self.is_stacked else place
            yield Bar(
                _rounded(x + step * 0.1 + beside * wide),
                _rounded(self._y(below + number)),
                _rounded(wide),
                _rounded(self._y(below) - self._y(below + number)),
                place % COLOURS,
                f"{label}: {name} {spelled(number)} {self.unit}",
            )
            below += number if self.is_stacked else 0

    def scale(self) -> list[Mark]:
        """Return the numbers at the left, from 0 to the top."""
        top = self._top()
        return [
            Mark(_rounded(self._y(top * share)), shortened(top * share))
            for share in (0, 0.5, 1)
        ]

    def words(self) -> list[Mark]:
        """Return the labels at the bottom, as many as there is room for."""
        step = (WIDTH - _LEFT) / max(1, len(self.labels))
        every = ceil(len(self.labels) / _MOST_LABELS) or 1
        return [
            Mark(_rounded(_LEFT + (n + 0.5) * step), label)
            for n, label in enumerate(self.labels)
            if n % every == 0
        ]

    def _y(self, number: float) -> float:
        room = HEIGHT - _TOP - _BOTTOM
        return HEIGHT - _BOTTOM - room * number / self._top()

    def _top(self) -> float:
        highest = [
            sum(max(0, n) for n in numbers) if self.is_stacked else max(numbers)
            for _, numbers in self.rows()
        ]
        return _round_up(max(highest, default=0))


def _round_up(number: float) -> float:
    """Return the next number that is easy to halve: 2, 4, 6, 8, 10, 20, 40…"""
    if number <= 2:
        return 2
    power = 10.0 ** floor(log10(number))
    return next(m * power for m in (1, 2, 4, 6, 8, 10) if m * power >= number)


def _rounded(number: float) -> float:
    return round(number, 1)


def shortened(number: float) -> str:
    """Return ``number`` in the room that a scale has, such as 5,000, 20k, 3M."""
    if number >= 1_000_000:
        return f"{spelled(number / 1_000_000)}M"
    return f"{spelled(number / 1_000)}k" if number >= 10_000 else spelled(number)


def spelled(number: float) -> str:
    """Return ``number`` for people: thousands apart, one decimal at the most."""
    digits = 0 if number == round(number) else 1
    return formats.number_format(
        round(number, digits), digits, use_l10n=True, force_grouping=True
    )
