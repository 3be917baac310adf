"""Numbers of many users, worked out from all of them or from a sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from math import sqrt
from typing import Any, Final, NamedTuple

#: Standard deviations on either side of an estimate that has a confidence of 95 %.
_DEVIATIONS: Final = 1.96


class Estimate(NamedTuple):
    """A number, and the range that it is in with a confidence of 95 %."""

    value: int
    low: int
    high: int

    @classmethod
    def exactly(cls, value: int) -> Estimate:
        return cls(value, value, value)

    @property
    def is_exact(self) -> bool:
        return self.low == self.high


class Sample:
    """Adds up numbers by user, for a random sample of users."""

    def __init__(self, population: int) -> None:
        #: How many users the sample stands for, and how many are in it.
        self.population = population
        self.size = 0
        self.sums: Counter[Hashable] = Counter()
        self._squares: Counter[Hashable] = Counter()
        self._signed: set[Hashable] = set()

    def add(self, numbers: Mapping[Hashable, int]) -> None:
        """Add the numbers of one of the users; a number that is missing is 0."""
        for name, number in numbers.items():
            self.sums[name] += number
            self._squares[name] += number * number
            if number < 0:
                self._signed.add(name)

    @property
    def is_exact(self) -> bool:
        """Whether the sample has all users."""
        return self.size >= self.population

    def names(self, kind: str) -> list[Any]:
        """Return the second parts of the names that are pairs with ``kind``."""
        pairs = [name for name in self.sums if isinstance(name, tuple)]
        return [name[1] for name in pairs if name[0] == kind]

    def estimate(self, name: Hashable) -> Estimate:
        """Return the number of the whole population."""
        total = self.sums[name]
        if self.is_exact:
            return Estimate.exactly(total)
        value = round(total * self.population / self.size)
        margin = round(self._margin(name))
        # If users can only add to it, the number is at least what the sample has.
        least = value - margin if name in self._signed else max(total, value - margin)
        return Estimate(value, least, value + margin)

    def _margin(self, name: Hashable) -> float:
        size, population = self.size, self.population
        spread = self._squares[name] - self.sums[name] ** 2 / size
        variance = spread / max(1, size - 1) * (1 - size / population) / size
        return _DEVIATIONS * population * sqrt(max(0.0, variance))
