"""The list of achievements: who holds them, and how they are put in order."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.contrib.admin.views.main import ORDER_VAR
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from gamification.admin.catalogue.ordering import MOVE
from gamification.admin.changelists import FilteredChangeList
from gamification.models import Achievement
from gamification.services import (
    Rarity,
    get_rarity,
)

_BUTTON: Final = (
    '<button type="submit" name="{}" value="{}:{}" class="gam-move"'
    ' aria-label="{}" title="{}"{}>{}</button>'
)


class Beside(NamedTuple):
    """What a row shows beside the achievement."""

    #: How many hold it, and which share of users that is.
    holders: str = ""
    #: Buttons that move the row.
    moves: str = ""

    @classmethod
    def of(cls, row: object) -> Beside:
        """Return that of ``row``; nothing for one that went from the list meanwhile."""
        beside: Beside = getattr(row, "beside", cls())
        return beside


class AchievementList(FilteredChangeList):
    """The list with how many hold each achievement, read for all of them at once."""

    rarity: Rarity

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.rarity = get_rarity()
        may_see = request.user.has_perm("gamification.view_userachievement")
        # Rows in the order of something else have no neighbours to pass.
        may_move = (
            ORDER_VAR not in self.params
            and self.model_admin.has_change_permission(request)
        )
        rows: list[Any] = [*self.result_list]
        for number, row in enumerate(rows):
            row.beside = Beside(
                self._holders(row, may_see=may_see),
                _moves(number, len(rows) - 1) if may_move else "",
            )

    def _holders(self, row: Achievement, *, may_see: bool) -> str:
        holders = self.rarity.holders.get(row.pk, 0)
        number = str(number_format(holders, force_grouping=True))
        if share := self.rarity.share_of(row.pk):
            number = f"{number} · {number_format(100 * share, 1)} %"
        if not may_see:
            return number
        pages: Any = self.model_admin
        address = pages.address_of("userachievement_changelist")
        query = {"achievement__id__exact": row.pk, "revoked_at__isempty": 1}
        return format_html('<a href="{}?{}">{}</a>', address, urlencode(query), number)


def _moves(number: int, last: int) -> str:
    """Return the buttons that move the row with this form past its neighbours."""
    up, down = _("Move up"), _("Move down")
    off = ["" if here else " disabled" for here in (number > 0, number < last)]
    buttons = [
        format_html(_BUTTON, MOVE, number, "up", up, up, off[0], "▲"),
        format_html(_BUTTON, MOVE, number, "down", down, down, off[1], "▼"),
    ]
    return format_html("{}{}", *buttons)
