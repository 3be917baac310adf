"""The part of an entry that tells which boosts multiplied its XP.

It is JSON: the factor that all boosts together made, and each boost with its key, its
name at that time, and its own factor. Factors are exact decimal numbers::

    {"factor": "3.00", "boosts": [["launch", "Launch weekend", "2.00"],
                                  ["club", "Club hour", "1.50"]]}

An entry whose XP is not that of units also keeps its ``base``, the XP before.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, NamedTuple

_ONE: Final = Decimal("1.00")


class AppliedBoost(NamedTuple):
    """A boost as it was when it multiplied XP."""

    key: str
    name: str
    factor: Decimal


class Boosted(NamedTuple):
    """XP before boosts, what multiplied it, and the boosts that did."""

    #: XP.
    base: int
    factor: Decimal = _ONE
    boosts: tuple[AppliedBoost, ...] = ()


def read_boosted(amount: int, units_xp: int, data: Mapping[str, Any] | None) -> Boosted:
    """Return what ``data`` of an entry says about its ``amount``.

    ``units_xp`` is the XP of its units before boosts.
    """
    if not data:
        return Boosted(amount)
    return Boosted(
        data.get("base", units_xp),
        Decimal(data["factor"]),
        tuple(
            AppliedBoost(key, name, Decimal(factor))
            for key, name, factor in data["boosts"]
        ),
    )


def worth_of(base: int, data: Mapping[str, Any] | None) -> int:
    """Return ``base`` XP times the factor in ``data``, rounded towards zero."""
    return multiplied(base, _fraction(data["factor"])) if data else base


def multiplied(base: int, factor: Fraction) -> int:
    """Return ``base`` XP times ``factor``, rounded towards zero."""
    return int(base * factor)


def exact_text(factor: Fraction) -> str:
    """Return a factor as an exact decimal number of at least two places.

    It is the product of numbers that have two.
    """
    places = 2
    while (factor * 10**places).denominator > 1:
        places += 1
    digits = str(int(factor * 10**places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"


@lru_cache(maxsize=1_024)
def _fraction(text: str) -> Fraction:
    return Fraction(text)
