"""The boosts of a user: when XP counts more, or less."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gamification.models import Activity
from gamification.models.texts.boosts import factor_text, where_text
from gamification.staff import get_boosts
from gamification.values import UserBoost


class BoostCard(NamedTuple):
    """A boost, with its factor and what it boosts in words."""

    boost: UserBoost
    factor: str
    #: Names of the activities, in order; empty for all.
    activities: str
    #: The attributes that a record must have, in words; empty for any.
    where: str


def boosts_of(user: Any) -> dict[str, Any]:
    """Return the user's present and coming boosts, in at most four queries.

    One query is enough if there is no boost.
    """
    boosts = get_boosts(user)
    names = _names(key for boost in boosts for key in boost.activities)
    return {"boosts": [_card(boost, names) for boost in boosts]}


def _names(keys: Iterable[str]) -> Mapping[str, str]:
    wanted = {*keys}
    if not wanted:
        return {}
    rows = Activity.objects.filter(key__in=wanted)
    return dict(rows.values_list("key", "name"))


def _card(boost: UserBoost, names: Mapping[str, str]) -> BoostCard:
    known = sorted(names[key] for key in boost.activities if key in names)
    return BoostCard(
        boost, factor_text(boost.factor), ", ".join(known), where_text(boost.where)
    )
