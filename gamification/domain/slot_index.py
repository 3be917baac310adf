"""Finds what an entry may count for, among all that a catalogue counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from gamification.domain.conditions import AttributeValue, Operator
from gamification.domain.counting import Counted
from gamification.domain.criteria import Criterion

_ACTIVITY_COUNT: Final = Criterion.ACTIVITY_COUNT.value

#: An index keeps the slots of at most this many sets of values.
_MAX_KEPT: Final = 1_024

#: Slots by id of the activity; None is for all others.
_Slots: TypeAlias = dict[int | None, tuple[int, ...]]

#: Slots by id of the activity, and by an attribute and its value.
_SlotsByValue: TypeAlias = dict[
    int | None, dict[tuple[str, AttributeValue], tuple[int, ...]]
]


class SlotIndex:
    """The slots of what is counted, by activity and by values of attributes."""

    def __init__(self, counted: Sequence[Counted]) -> None:
        self._general, self._by_value = _index(counted)
        self._known: dict[Any, frozenset[int]] = {}

    def on(
        self, about: int | None, said: Mapping[str, AttributeValue] | None
    ) -> frozenset[int]:
        """Return the slots in which an entry about an activity may count.

        ``said`` are its attributes.
        """
        by_value = self._by_value.get(about, {})
        wanted = [pair for pair in (said or {}).items() if pair in by_value]
        known, key = self._known, (about, *wanted)
        if key not in known:
            if len(known) >= _MAX_KEPT:
                known.clear()
            general = self._general.get(about, self._general[None])
            found = [by_value[pair] for pair in wanted]
            known[key] = frozenset(general).union(*found)
        return known[key]


def _index(counted: Sequence[Counted]) -> tuple[_Slots, _SlotsByValue]:
    """Return where to look for the slots of an entry.

    Most filters want one value of an attribute: they are found by that value. The
    others of an activity, and what is not about activities, are always looked at.
    """
    others = [n for n, each in enumerate(counted) if each.criterion != _ACTIVITY_COUNT]
    general: dict[int | None, list[int]] = {None: others}
    by_value: dict[int | None, dict[tuple[str, AttributeValue], list[int]]] = {}
    for slot, (criterion, about, counting) in enumerate(counted):
        if criterion != _ACTIVITY_COUNT:
            continue
        known = general.setdefault(about, [*others])
        wanted = next((e for e in counting.where if e.operator == Operator.IS), None)
        if wanted is None or isinstance(wanted.value, tuple):
            known.append(slot)
            continue
        values = by_value.setdefault(about, {})
        values.setdefault((wanted.attribute, wanted.value), []).append(slot)
    return (
        {pk: tuple(slots) for pk, slots in general.items()},
        {
            pk: {value: tuple(slots) for value, slots in values.items()}
            for pk, values in by_value.items()
        },
    )
