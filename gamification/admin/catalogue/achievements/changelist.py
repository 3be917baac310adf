"""The list of achievements: their holders, and the buttons that move rows."""

from __future__ import annotations

from itertools import count, takewhile
from typing import Any, Final, NamedTuple

from django.contrib.admin.views.main import ORDER_VAR
from django.http import HttpRequest, QueryDict
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from gamification.admin.changelists import FilteredChangeList
from gamification.models import Achievement
from gamification.models.texts.conditions import name_conditions
from gamification.services import Rarity, get_rarity

#: The name of the buttons that move a row. The value of a button is the number of the
#: row's form and a direction, such as ``3:up``.
MOVE: Final = "_move"

_STEPS: Final = {"up": -1, "down": 1}

_BUTTON: Final = (
    '<button type="submit" name="{}" value="{}:{}" class="gam-move"'
    ' aria-label="{}" title="{}"{}>{}</button>'
)


class ExtraCells(NamedTuple):
    """The cells of a row that do not come from its model."""

    #: The number of holders, and their share of the active users.
    holders: str = ""
    #: The buttons that move the row.
    moves: str = ""

    @classmethod
    def of(cls, row: object) -> ExtraCells:
        """Return the cells of ``row``: empty ones if somebody else deleted it."""
        cells: ExtraCells = getattr(row, "extra_cells", cls())
        return cells


class AchievementChangeList(FilteredChangeList):
    """The list with the holders of each achievement, read for all rows at once."""

    rarity: Rarity

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.rarity = get_rarity()
        may_view = request.user.has_perm("gamification.view_userachievement")
        # Rows can be moved only while the list is sorted by position.
        may_move = (
            ORDER_VAR not in self.params
            and self.model_admin.has_change_permission(request)
        )
        rows: list[Any] = [*self.result_list]
        name_conditions(rows)
        for number, row in enumerate(rows):
            row.extra_cells = ExtraCells(
                self._holders(row, may_view=may_view),
                _move_buttons(number, len(rows) - 1) if may_move else "",
            )

    def _holders(self, row: Achievement, *, may_view: bool) -> str:
        holders = self.rarity.holders.get(row.pk, 0)
        number = str(number_format(holders, force_grouping=True))
        if share := self.rarity.share_of(row.pk):
            number = f"{number} · {number_format(100 * share, 1)} %"
        model_admin: Any = self.model_admin
        address = model_admin.address_of("userachievement_changelist")
        if not may_view or not address:
            return number
        query = {"achievement__id__exact": row.pk, "revoked_at__isempty": 1}
        return format_html('<a href="{}?{}">{}</a>', address, urlencode(query), number)


def move_row(sent: QueryDict) -> QueryDict:
    """Return the data of a list with one row moved past its neighbour, to be saved.

    The rows keep the same set of positions, handed out in the new order. Nothing moves
    if there is no such neighbour, or if a position is not a number.
    """
    data = sent.copy()
    data["_save"] = "1"
    names = takewhile(data.__contains__, (f"form-{n}-position" for n in count()))
    fields = [*names]
    number, _separator, direction = str(data[MOVE]).partition(":")
    try:
        positions = [int(str(data[name])) for name in fields]
        order = sorted(range(len(fields)), key=positions.__getitem__)
        here = order.index(int(number))
    except ValueError:
        return data
    there = here + _STEPS.get(direction, 0)
    if 0 <= there < len(order):
        order[here], order[there] = order[there], order[here]
        for index, position in zip(order, distinct(positions), strict=True):
            data[fields[index]] = str(position)
    return data


def distinct(positions: list[int]) -> list[int]:
    """Return ``positions`` in ascending order, with duplicates raised."""
    result: list[int] = []
    for position in sorted(positions):
        result.append(max(position, result[-1] + 1) if result else position)
    return result


def _move_buttons(number: int, last: int) -> str:
    """Return the buttons for the row whose form has this number."""
    up, down = _("Move up"), _("Move down")
    disabled = ["" if here else " disabled" for here in (number > 0, number < last)]
    buttons = [
        format_html(_BUTTON, MOVE, number, "up", up, up, disabled[0], "▲"),
        format_html(_BUTTON, MOVE, number, "down", down, down, disabled[1], "▼"),
    ]
    return format_html("{}{}", *buttons)
