"""Rows moved up and down in their list, which is saved with that."""

from __future__ import annotations

from itertools import count, takewhile
from typing import Final

from django.http import QueryDict

#: The button that moves a row; its value is the number of the row's form and the way.
MOVE: Final = "_move"

_WAYS: Final = {"up": -1, "down": 1}


def move_row(sent: QueryDict) -> QueryDict:
    """Return the data of a list with one row moved past its neighbour, to be saved.

    The positions of all rows are dealt out to them in their new order. Where there is
    no such neighbour, or somebody typed what is no position, nothing is moved.
    """
    data = sent.copy()
    data["_save"] = "1"
    names = takewhile(data.__contains__, (f"form-{n}-position" for n in count()))
    fields = [*names]
    number, _, way = str(data[MOVE]).partition(":")
    try:
        positions = [int(str(data[name])) for name in fields]
        order = sorted(range(len(fields)), key=positions.__getitem__)
        here = order.index(int(number))
    except ValueError:
        return data
    there = here + _WAYS.get(way, 0)
    if 0 <= there < len(order):
        order[here], order[there] = order[there], order[here]
        for index, position in zip(order, dealt(positions), strict=True):
            data[fields[index]] = str(position)
    return data


def dealt(positions: list[int]) -> list[int]:
    """Return ``positions`` in order, those that come twice raised."""
    result: list[int] = []
    for position in sorted(positions):
        result.append(max(position, result[-1] + 1) if result else position)
    return result
