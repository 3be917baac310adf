"""Tuning: new numbers for several activities and achievements at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TypeVar

from gamification.exceptions import StaleEditError
from gamification.models import Achievement, Activity, write_alias
from gamification.services.catalogue.editing import (
    definition_tag,
    edit_achievement,
    edit_activity,
    lock_definition,
)
from gamification.services.catalogue.fields import Definition
from gamification.services.unit_of_work import in_transaction
from gamification.services.validation import UserRef, actor_id_of
from gamification.storage import Store

T = TypeVar("T", Achievement, Activity)


@dataclass(frozen=True, slots=True)
class RewardEdit:
    """New numbers for an activity or an achievement."""

    key: str
    #: The ``definition_tag`` of what the editor was shown; None for whatever is there.
    expected: str | None
    #: By field: ``xp_reward``, of activities also ``daily_limit`` and ``cooldown``.
    numbers: Mapping[str, int | None] = field(default_factory=dict)


def tune_rewards(
    *,
    activities: Iterable[RewardEdit] = (),
    achievements: Iterable[RewardEdit] = (),
    actor: UserRef | None,
) -> list[Definition]:
    """Make all edits, or none of them; return what was edited, activities first.

    They apply from now on; what was given before stays. ``actor`` is who of the staff
    does it.

    Raises ``StaleEditError`` where somebody else edited meanwhile: its ``items`` are
    all that differ from what the editor was shown, as they are now. Also
    ``UnknownActivityError``, ``UnknownAchievementError``, and what ``edit_activity``
    raises.
    """
    actor_id = actor_id_of(actor)
    activities, achievements = _in_order(activities), _in_order(achievements)

    def edited(
        edit: Callable[..., Definition], tuned: Iterable[RewardEdit]
    ) -> Iterator[Definition]:
        for each in tuned:
            yield edit(each.key, actor=actor_id, expected=None, **each.numbers)

    def tune(store: Store) -> list[Definition]:
        if stale := [*_stale(Activity, activities), *_stale(Achievement, achievements)]:
            names = ", ".join(item.key for item in stale)
            message = f"Somebody else changed {names} meanwhile."
            raise StaleEditError(message, items=stale)
        return [
            *edited(edit_activity, activities),
            *edited(edit_achievement, achievements),
        ]

    return in_transaction(write_alias(), [], tune)


def _in_order(tuned: Iterable[RewardEdit]) -> list[RewardEdit]:
    """Return ``tuned`` in the one order in which they are ever locked."""
    return sorted(tuned, key=attrgetter("key"))


def _stale(model: type[T], tuned: Iterable[RewardEdit]) -> Iterator[T]:
    """Lock what is to be edited; yield what is not as the editor was shown it."""
    for each in tuned:
        item = lock_definition(model, each.key)
        if item and each.expected not in {None, definition_tag(item)}:
            yield item
