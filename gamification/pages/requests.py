"""Reads the query parameters of pages; invalid values are ignored."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone

from gamification import leaderboards
from gamification.exceptions import InvalidRequestError
from gamification.leaderboards import MAX_DEPTH, Window

#: Years whose calendar can be shown.
YEARS = range(1970, 9999)

#: Users on a page of a leaderboard.
PAGE_SIZE = 50

#: The last page of a leaderboard that can be asked for.
LAST_PAGE = MAX_DEPTH // PAGE_SIZE


class Request(HttpRequest):
    """A request of somebody who is signed in."""

    user: Any


def year_of(request: HttpRequest) -> int | None:
    """Return the year that is asked for; None is the present one."""
    year = _whole(request.GET.get("year", ""))
    return year if year in YEARS else None


def page_of(request: HttpRequest) -> int:
    """Return the number of the page that is asked for."""
    return min(max(1, _whole(request.GET.get("page", ""))), LAST_PAGE)


def order_of(request: HttpRequest) -> str:
    """Return the order of the achievements that is asked for."""
    return "held" if request.GET.get("order") == "held" else "position"


def around_of(request: Request) -> Any:
    """Return the user, if the part of the leaderboard around them is asked for."""
    return request.user if request.GET.get("around") == "me" else None


def window_of(name: str) -> Window:
    """Return the window of this name, or raise ``Http404``."""
    if name not in Window.values:
        raise Http404
    return Window(name)


def period_of(request: HttpRequest, window: Window) -> str | None:
    """Return the name of the period that is asked for; None is the current one.

    Raises ``Http404`` unless this is the name of a period that has begun.
    """
    name = request.GET.get("period")
    if not name:
        return None
    try:
        period = leaderboards.period_of(window, name, None)
    except InvalidRequestError as error:
        raise Http404 from error
    if period.starts_at and period.starts_at > timezone.now():
        raise Http404
    return name


def _whole(text: str) -> int:
    """Return the whole number that ``text`` holds; 0 if it holds none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 0
