"""What the addresses of pages say beside their path; nonsense is left out."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest

from gamification.leaderboards import Window

#: Years of which a calendar can be shown.
YEARS = range(1970, 9999)

#: The last page of a leaderboard that can be asked for.
LAST_PAGE = 1_000_000


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


def _whole(text: str) -> int:
    """Return the number that the text is; 0 for another text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 0
