"""Leaderboards as staff see them, with the periods of the past."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from gamification.admin.base import HistoryAdmin, log_action
from gamification.components.leaderboards import rows_of
from gamification.exceptions import GamificationError, InvalidRequestError
from gamification.leaderboards import (
    Period,
    Window,
    get_leaderboard,
    period_after,
    period_before,
    period_of,
    reopen_board,
)
from gamification.models import Board
from gamification.staff import find_names

#: Users on a page.
PAGE_SIZE = 50


@admin.register(Board)
class BoardAdmin(HistoryAdmin):
    """The list of kept boards, and a page for the places of each window."""

    change_list_template = "admin/gamification/board/change_list.html"
    list_display = ("__str__", "state", "count", "closed_at", "reopened_at")
    list_filter = ("window",)
    search_fields: ClassVar[tuple[str, ...]] = ()

    @admin.display(description=gettext_lazy("state"))
    def state(self, board: Board) -> str:
        if board.closed_at:
            return _("final")
        return _("kept") if board.is_built else _("not built")

    def has_reopen_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may open final boards again."""
        return request.user.has_perm("gamification.reopen_board")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        places = view(require_safe(self.places_view))
        reopen = view(require_POST(self.reopen_view))
        return [
            path("of/<str:window>/", places, name="gamification_board_of"),
            path("of/<str:window>/reopen/", reopen, name="gamification_board_reopen"),
            *super().get_urls(),
        ]

    def places_view(self, request: HttpRequest, window: str) -> HttpResponse:
        """Show a page of the places of a period."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        name = request.GET.get("period") or None
        try:
            page = self._page(request, _window(window), name)
        except InvalidRequestError as error:
            messages.error(request, str(error))
            return redirect(self.address_of("board_of", window))
        template = "admin/gamification/board/places.html"
        return self.render_page(request, template, page)

    def _page(
        self, request: HttpRequest, window: Window, name: str | None
    ) -> dict[str, Any]:
        part, period = _part_of(request), period_of(window, name, None)
        board = get_leaderboard(window, period=name, page_size=PAGE_SIZE, **part)
        is_final = board.state == "final"
        return {
            "title": _("Leaderboards"),
            "window": window,
            "windows": Window,
            "asked": name,
            "period": period,
            "before": period_before(period),
            "after": period_after(period),
            "board": board,
            "rows": [
                (
                    each.entry,
                    each.name,
                    self.address_of_user(request, each.entry.user_id),
                )
                for each in rows_of(board.entries)
            ],
            "is_first": not part,
            "searched": request.GET.get("user", ""),
            "sought": board.me,
            "can_reopen": is_final and self.has_reopen_permission(request),
        }

    def reopen_view(self, request: HttpRequest, window: str) -> HttpResponse:
        """Open the final board of a period again, and log it."""
        if not self.has_reopen_permission(request):
            raise PermissionDenied
        shown, name = _window(window), request.POST.get("period", "")
        try:
            period = period_of(shown, name, None)
            board = self._final_board(request, period)
            reopen_board(shown, name, actor=request.user)
        except GamificationError as error:
            messages.error(request, str(error))
            return redirect(self.address_of("board_of", window))
        log_action(request, [board], CHANGE, _("Reopened."))
        messages.success(request, _("The board is open again until it settles."))
        address = self.address_of("board_of", window)
        return redirect(f"{address}?{urlencode({'period': name})}")

    def _final_board(self, request: HttpRequest, period: Period) -> Board:
        """Return the final board of a period, or raise ``InvalidRequestError``."""
        rows = self.get_queryset(request).filter(window=period.window, grouping="")
        rows = rows.filter(starts_at=period.starts_at, ends_at=period.ends_at)
        board = rows.exclude(closed_at=None).first()
        if not isinstance(board, Board):
            message = _("The board of this period is not final.")
            raise InvalidRequestError(message, field="period")
        return board


def _window(name: str) -> Window:
    if name not in Window.values:
        raise Http404
    return Window(name)


def _part_of(request: HttpRequest) -> dict[str, Any]:
    """Return the part of the board that is asked for."""
    if name := request.GET.get("user", "").strip():
        found = [*find_names([name]).found]
        if len(found) != 1:
            message = _("This does not identify exactly one user.")
            raise InvalidRequestError(message, field="user")
        return {"around": found[0]}
    after = request.GET.get("after")
    return {"after": after} if after else {}
