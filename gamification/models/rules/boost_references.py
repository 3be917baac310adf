"""Finds the boosts that need attributes of activities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gamification.domain.boost_times import BoostState
from gamification.models.rules.references import rows_of

if TYPE_CHECKING:
    from gamification.models.catalogue.activities import Activity


def boosts_needing(activity: Activity) -> Iterator[tuple[str, str]]:
    """Yield the keys of boosts, each with an attribute that the activity drops.

    An attribute of another type is another one. A boost needs none if it is over, or if
    another of its activities declares it.
    """
    boosts = rows_of("Boost").filter(is_active=True).exclude(where=[]).order_by("key")
    needing = [boost for boost in boosts if boost.state != BoostState.OVER]
    rows = rows_of("Activity").values_list("key", "attributes")
    declared: dict[str, Mapping[str, str]] = dict(rows) if needing else {}
    before = declared.get(activity.key, {})
    after = {**declared, activity.key: activity.attributes}
    for boost in needing:
        boosted = {*(boost.activities or after)} & {*after}
        if activity.key not in boosted:
            continue
        for attribute, *_ in boost.where:
            kind = before.get(attribute)
            if kind and not any(after[key].get(attribute) == kind for key in boosted):
                yield boost.key, attribute
