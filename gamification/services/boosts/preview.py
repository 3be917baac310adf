"""The effect of a boost, based on the last 28 days, before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast, Coalesce

from gamification.conf import conf
from gamification.domain.attributes import type_of
from gamification.domain.boost_times import earliest, latest
from gamification.domain.boosted import AppliedBoost, exact_text
from gamification.domain.boosts import combine
from gamification.domain.conditions import Operator
from gamification.domain.outcomes import EntryKind
from gamification.models import Activity, Boost, LedgerEntry
from gamification.models.texts.boosts import boost_sentence
from gamification.services.balance.report import last_days
from gamification.services.balance.sql import entries_between, every_so_many
from gamification.services.boosts.fields import BOOST_FIELDS, set_boost
from gamification.services.boosts.listing import activity_names
from gamification.services.boosts.lookup import find_boost
from gamification.services.catalogue.fields.values import check_names
from gamification.services.catalogue.lookup import UNSAVED_KEY
from gamification.services.unit_of_work import naming_errors

#: The days by which a boost is judged.
DAYS: Final = 28
_UNITS: Final = (EntryKind.ACTIVITY, EntryKind.CORRECTION, EntryKind.REVERSAL)
_HUNDRED: Final = 100
_LOOKUPS: Final = {
    Operator.AT_LEAST.value: "__gte",
    Operator.AT_MOST.value: "__lte",
}


@dataclass(frozen=True, slots=True)
class BoostDay:
    """A date of the last days, as if the boost had held on it."""

    day: date
    #: Users who did something that it boosts.
    users: int
    #: XP of what it boosts, at today's rewards and without any boost.
    xp: int
    #: XP that the boost would have added.
    extra: int


@dataclass(frozen=True, slots=True)
class BoostPreview:
    """The effect that a boost would have had in the last 28 days, by day."""

    #: The effect of the boost, in words.
    sentence: str
    days: Sequence[BoostDay]
    #: The numbers are estimated from one in this many users.
    every: int
    #: Other active boosts that hold at the same time for some record or other.
    overlaps: Sequence[AppliedBoost]
    #: The factor of all of them together.
    together: Decimal

    @property
    def users_a_day(self) -> int:
        """Users a day, on average."""
        return self._average([each.users for each in self.days])

    @property
    def xp_a_day(self) -> int:
        """XP a day of what it boosts, on average."""
        return self._average([each.xp for each in self.days])

    @property
    def extra_a_day(self) -> int:
        """XP a day that it would add, on average; negative if it takes."""
        return self._average([each.extra for each in self.days])

    def _average(self, numbers: Sequence[int]) -> int:
        return round(sum(numbers) / DAYS)


@naming_errors
def preview_boost(key: str | None = None, /, **changes: Any) -> BoostPreview:
    """Return what a boost would have given in the last 28 days; save nothing.

    ``key`` names the boost to change; None stands for a new one. The numbers come from
    what users did, at today's rewards: the XP of what the boost chooses, without other
    boosts, and the XP that this boost alone would have added. Imported records count
    like all others, because the ledger does not tell them apart. With very many users,
    a sample stands for all.

    Raises ``UnknownBoostError``, ``InvalidDefinitionError``.
    """
    check_names("A boost", changes, BOOST_FIELDS)
    item = copy(find_boost(key)) if key else Boost(key=UNSAVED_KEY)
    set_boost(item, changes)
    since, until = last_days(DAYS)
    every = every_so_many(since, until)
    entries = _chosen(item, entries_between(since, until, every))
    overlaps = [*_overlaps(item)]
    factors = [Fraction(each.factor) for each in overlaps] + [Fraction(item.factor)]
    return BoostPreview(
        boost_sentence(item, activity_names(item)),
        [*_days(item, entries, every)],
        every,
        overlaps,
        Decimal(exact_text(combine(factors, conf.BOOST_STRATEGY))),
    )


def _days(item: Boost, entries: QuerySet[Any], every: int) -> list[BoostDay]:
    hundredths = int(item.factor * _HUNDRED)
    base = _base()
    # Both databases divide whole numbers towards zero.
    boosted = base * hundredths / _HUNDRED
    rows = (
        entries.order_by("local_date")
        .values_list("local_date")
        .annotate(
            users=Count("user", distinct=True, filter=~Q(kind=EntryKind.REVERSAL)),
            xp=Sum(base, output_field=BigIntegerField()),
            after=Sum(boosted, output_field=BigIntegerField()),
        )
    )
    return [
        BoostDay(day, users * every, int(xp) * every, (int(after) - int(xp)) * every)
        for day, users, xp, after in rows
    ]


def _base() -> Any:
    """Return the XP of an entry at today's rewards, without boosts."""
    units: Combinable = F("rewarded") * F("activity__xp_reward")
    reward: Combinable = F("achievement__xp_reward")
    kept = Cast(KeyTransform("base", "boosts"), BigIntegerField())
    reversed_entry = LedgerEntry.objects.filter(
        user=OuterRef("user"), pk=OuterRef("reverses")
    )
    gift = Subquery(reversed_entry.values_list(Coalesce(kept, F("amount"))))
    return Case(
        When(kind__in=_UNITS, activity__isnull=False, then=units),
        When(kind=EntryKind.ACHIEVEMENT, then=reward),
        When(kind=EntryKind.REVERSAL, achievement__isnull=False, then=reward * -1),
        When(kind=EntryKind.REVERSAL, then=gift * -1),
        default=Coalesce(kept, F("amount")),
        output_field=BigIntegerField(),
    )


def _chosen(item: Boost, entries: QuerySet[Any]) -> QuerySet[Any]:
    """Return the entries of what the boost chooses."""
    records = Q(activity__isnull=False, kind__in=_UNITS)
    if item.activities:
        records &= Q(activity__key__in=item.activities)
    for number, comparison in enumerate(item.where):
        # An attribute can have the name of a lookup, such as "range".
        given = f"given_{number}"
        entries = entries.alias(**{given: KeyTransform(comparison[0], "attributes")})
        records &= _comparison(given, *comparison)
    chosen = records
    if item.boosts_achievements:
        chosen |= Q(achievement__isnull=False)
    if item.boosts_adjustments:
        # A small factor can make a gift worth 0.
        chosen |= Q(kind=EntryKind.ADJUSTMENT, amount__gte=0)
        about_nothing = Q(activity__isnull=True, achievement__isnull=True)
        chosen |= Q(kind=EntryKind.REVERSAL, amount__lte=0) & about_nothing
    if item.group:
        entries = entries.filter(user__groups=item.group.pk)
    return entries.filter(chosen)


def _comparison(given: str, attribute: str, operator: str, value: Any) -> Q:
    """Return the condition that the attribute ``given`` meets a comparison."""
    activities = Activity.objects.filter(attributes__has_key=attribute)
    declared = [*activities.values_list("pk", "attributes")]
    met, lookup = Q(), _LOOKUPS.get(operator, "")
    for each in value if operator == Operator.IN else [value]:
        # SQLite confuses yes with the text "true", and PostgreSQL puts it above 1.
        others = [pk for pk, types in declared if types[attribute] != type_of(each)]
        met |= Q(**{f"{given}{lookup}": each}) & ~Q(activity__in=others)
    return met


def _overlaps(item: Boost) -> list[AppliedBoost]:
    """Return the other active boosts whose time meets that of the boost."""
    rows = Boost.objects.filter(is_active=True)
    others = rows.exclude(key=item.key)
    start, end = earliest(item.starts_at, item.zone), latest(item.ends_at, item.zone)
    return [
        AppliedBoost(each.key, each.name, each.factor)
        for each in others
        if earliest(each.starts_at, each.zone) < end
        and latest(each.ends_at, each.zone) > start
    ]
