"""Bar charts as SVG, drawn on the server, each with a table of its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

from gamification.admin.ui.formatting import format_number

#: The size of a chart in SVG units, and its margins for labels.
WIDTH: Final = 720
HEIGHT: Final = 240
_LEFT: Final = 56
_TOP: Final = 12
_BOTTOM: Final = 24

#: The highest number of labels below a chart, and of its colours.
_MAX_LABELS: Final = 12
COLOURS: Final = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, with the text that it shows on hover."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    text: str


@dataclass(frozen=True, slots=True)
class EdgeLabel:
    """A text at an edge of a chart, with its position along that edge."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars above labels, one per series, either side by side or stacked.

    Negative numbers appear in the table only.
    """

    id: str
    title: str
    #: The unit of the numbers, such as ``XP``.
    unit: str
    labels: Sequence[str]
    #: The numbers of each series by its name, one per label.
    series: Mapping[str, Sequence[float]]
    is_stacked: bool = False

    width = WIDTH
    height = HEIGHT
    #: The edges of the area in which bars are drawn.
    left = _LEFT
    bottom = HEIGHT - _BOTTOM

    @property
    def is_empty(self) -> bool:
        return not any(any(numbers) for numbers in self.series.values())

    def legend(self) -> list[tuple[int, str]]:
        """Return the colour and the name of each series."""
        return [(n % COLOURS, name) for n, name in enumerate(self.series)]

    def table(self) -> list[tuple[str, list[str]]]:
        """Return each label with its formatted numbers."""
        return [
            (label, [*map(format_number, numbers)]) for label, numbers in self.rows()
        ]

    def rows(self) -> list[tuple[str, list[float]]]:
        """Return each label with its number in each series."""
        return [
            (label, [numbers[n] for numbers in self.series.values()])
            for n, label in enumerate(self.labels)
        ]

    def bars(self) -> Iterator[Bar]:
        """Yield the bars to draw."""
        step = (WIDTH - _LEFT) / max(1, len(self.labels))
        for position, (label, numbers) in enumerate(self.rows()):
            yield from self._bars_at(_LEFT + position * step, step, label, numbers)

    def _bars_at(
        self, x: float, step: float, label: str, numbers: Sequence[float]
    ) -> Iterator[Bar]:
        width = step * 0.8 / (1 if self.is_stacked else len(numbers))
        base = 0.0
        for place, name in enumerate(self.series):
            number = numbers[place]
            if number <= 0:
                continue
            column = 0 if self.is_stacked else place
            yield Bar(
                _rounded(x + step * 0.1 + column * width),
                _rounded(self._y(base + number)),
                _rounded(width),
                _rounded(self._y(base) - self._y(base + number)),
                place % COLOURS,
                f"{label}: {name} {format_number(number)} {self.unit}",
            )
            base += number if self.is_stacked else 0

    def scale(self) -> list[EdgeLabel]:
        """Return the labels of the vertical axis: 0, the middle, and the top."""
        top = self._top()
        return [
            EdgeLabel(_rounded(self._y(top * share)), format_short(top * share))
            for share in (0, 0.5, 1)
        ]

    def axis_labels(self) -> list[EdgeLabel]:
        """Return the labels of the horizontal axis, as many as fit."""
        step = (WIDTH - _LEFT) / max(1, len(self.labels))
        every = ceil(len(self.labels) / _MAX_LABELS) or 1
        return [
            EdgeLabel(_rounded(_LEFT + (n + 0.5) * step), label)
            for n, label in enumerate(self.labels)
            if n % every == 0
        ]

    def _y(self, number: float) -> float:
        height = HEIGHT - _TOP - _BOTTOM
        return HEIGHT - _BOTTOM - height * number / self._top()

    def _top(self) -> float:
        highest = [
            sum(max(0, n) for n in numbers) if self.is_stacked else max(numbers)
            for _, numbers in self.rows()
        ]
        return _round_up(max(highest, default=0))


def _round_up(number: float) -> float:
    """Round up to a number that is easy to halve: 2, 4, 6, 8, 10, 20, 40…"""
    if number <= 2:
        return 2
    power = 10.0 ** floor(log10(number))
    return next(m * power for m in (1, 2, 4, 6, 8, 10) if m * power >= number)


def _rounded(number: float) -> float:
    return round(number, 1)


def format_short(number: float) -> str:
    """Return ``number`` in a few characters, such as 5,000, 20k or 3M."""
    if number >= 1_000_000:
        return f"{format_number(number / 1_000_000)}M"
    return (
        f"{format_number(number / 1_000)}k"
        if number >= 10_000
        else format_number(number)
    )
