"""Boosts: factors of XP, and which of them apply to what earns it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import prod
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.boosted import exact_text
from gamification.domain.conditions import AttributeValue, Comparison
from gamification.domain.days import Calendar, shifted

#: The least and the most that a boost may multiply XP by. The latter is also the most
#: for all boosts together.
MIN_FACTOR: Final = Decimal("0.10")
MAX_FACTOR: Final = Decimal("10.00")

#: The most by which a clock ever differed from UTC: more than today, as histories are
#: imported.
_MARGIN: Final = timedelta(hours=16)

_MOST: Final = Fraction(MAX_FACTOR)
_NOTHING: Final[Mapping[str, AttributeValue]] = MappingProxyType({})


class BoostStrategy(TextChoices):
    """How the factors of several boosts are combined."""

    PRODUCT = "product", _("they multiply")
    HIGHEST = "highest", _("the highest counts")
    ADDITIVE = "additive", _("what they add is added up")


class BoostKind(TextChoices):
    """The kinds of events whose XP a boost may multiply."""

    RECORD = "record", _("records")
    IMPORT = "import", _("imported records")
    ACHIEVEMENT = "achievement", _("rewards of achievements")
    ADJUSTMENT = "adjustment", _("adjustments by staff")


class Occasion(NamedTuple):
    """Something that earns XP."""

    kind: str
    at: datetime
    activity_id: int | None = None
    attributes: Mapping[str, AttributeValue] = _NOTHING


@dataclass(frozen=True, slots=True)
class BoostRule:
    """The fields of a boost that decisions need."""

    id: int
    key: str
    name: str
    factor: Fraction
    #: Half-open. Without a zone, the fields in UTC are what the user's clock shows.
    starts_at: datetime
    ends_at: datetime
    zone: str = ""
    #: Ids of the activities that it boosts; None means all.
    activities: frozenset[int] | None = None
    #: The id of the group whose members it is for; None means everybody.
    group_id: int | None = None
    where: tuple[Comparison, ...] = ()
    #: Kinds of what it boosts.
    kinds: frozenset[str] = frozenset({BoostKind.RECORD.value})

    @property
    def latest_end(self) -> datetime:
        """The instant from which on it holds nowhere."""
        return self.ends_at if self.zone else shifted(self.ends_at, _MARGIN)

    @property
    def earliest_start(self) -> datetime:
        """The first instant at which it holds anywhere."""
        return self.starts_at if self.zone else shifted(self.starts_at, -_MARGIN)

    def holds_at(self, at: datetime, calendar: Calendar) -> bool:
        """Say whether ``at`` is in the boost's time, for a user with ``calendar``."""
        moment = at if self.zone else calendar.clock_at(at)
        return self.starts_at <= moment < self.ends_at

    def accepts(self, occasion: Occasion) -> bool:
        """Say whether it boosts something like ``occasion``, whenever it is.

        Activities and attributes choose among records; nothing else has them.
        """
        if occasion.kind not in self.kinds:
            return False
        if occasion.activity_id is None:
            return True
        if self.activities is not None and occasion.activity_id not in self.activities:
            return False
        return all(each.accepts(occasion.attributes) for each in self.where)


class BoostTable:
    """The boosts that are active."""

    def __init__(self, rules: Iterable[BoostRule] = ()) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: rule.latest_end))
        self._ends = [rule.latest_end for rule in self.rules]

    @property
    def boosts_rewards(self) -> bool:
        """Whether some boost multiplies the rewards of achievements."""
        kind = BoostKind.ACHIEVEMENT.value
        return any(kind in rule.kinds for rule in self.rules)

    def groups(self, earliest: datetime | None, latest: datetime | None) -> list[int]:
        """Return the ids of the groups that boosts are for, in order.

        Boosts only for records count if they may hold between the two instants; None
        means any time.
        """
        return sorted(
            {
                rule.group_id
                for rule in self.rules
                if rule.group_id is not None
                and (
                    earliest is None
                    or latest is None
                    or BoostKind.ACHIEVEMENT.value in rule.kinds
                    or (rule.earliest_start <= latest and rule.latest_end > earliest)
                )
            }
        )

    def find(
        self, occasion: Occasion, calendar: Calendar, groups: frozenset[int]
    ) -> list[BoostRule]:
        """Return the boosts that apply for a member of ``groups``, in order of key."""
        place = bisect_right(self._ends, occasion.at)
        found = [
            rule
            for rule in self.rules[place:]
            if (rule.group_id is None or rule.group_id in groups)
            and rule.holds_at(occasion.at, calendar)
            and rule.accepts(occasion)
        ]
        return sorted(found, key=lambda rule: rule.key)


def combine(factors: Iterable[Fraction], strategy: str) -> Fraction:
    """Return the one factor that ``factors`` make: at least 0, at most 10."""
    known = [*factors]
    if strategy == BoostStrategy.HIGHEST:
        whole = max(known)
    elif strategy == BoostStrategy.ADDITIVE:
        whole = 1 + sum((each - 1 for each in known), Fraction(0))
    else:
        whole = prod(known, start=Fraction(1))
    return min(max(whole, Fraction(0)), _MOST)


def boosts_data(rules: Iterable[BoostRule], strategy: str) -> dict[str, Any]:
    """Return what an entry keeps of the boosts that apply to it."""
    known = [*rules]
    return {
        "factor": exact_text(combine((rule.factor for rule in known), strategy)),
        "boosts": [*_described(known)],
    }


def _described(rules: Iterable[BoostRule]) -> Iterator[list[str]]:
    for rule in rules:
        yield [rule.key, rule.name, exact_text(rule.factor)]
