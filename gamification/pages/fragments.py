"""Serves each piece alone, to pages that renew it without a reload."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from gamification.pages.requests import (
    Request,
    around_of,
    order_of,
    page_of,
    period_of,
    window_of,
    year_of,
)
from gamification.services import get_progress


def fragment(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let only signed-in users read ``view``; others get an error, not a login page."""

    @wraps(view)
    def guarded(request: HttpRequest, **arguments: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            raise PermissionDenied
        return view(request, **arguments)

    return login_not_required(require_safe(never_cache(guarded)))


@fragment
def level(request: Request) -> HttpResponse:
    return _render(request, "level")


@fragment
def streak(request: Request) -> HttpResponse:
    return _render(request, "streak")


@fragment
def streaks(request: Request) -> HttpResponse:
    return _render(request, "streaks")


@fragment
def boosts(request: Request) -> HttpResponse:
    return _render(request, "boosts", progress=get_progress(request.user))


@fragment
def calendar(request: Request) -> HttpResponse:
    return _render(request, "calendar", year=year_of(request))


@fragment
def achievements(request: Request) -> HttpResponse:
    standing, order = get_progress(request.user), order_of(request)
    return _render(request, "achievements", progress=standing, order=order)


@fragment
def leaderboard(request: Request, window: str) -> HttpResponse:
    return _render(
        request,
        "leaderboard",
        window=window_of(window),
        around=around_of(request),
        page=page_of(request),
        period=period_of(request, window_of(window)),
    )


@fragment
def winners(request: Request, window: str) -> HttpResponse:
    shown = window_of(window)
    return _render(request, "winners", window=shown, period=period_of(request, shown))


@fragment
def celebrations(request: Request) -> HttpResponse:
    return _render(request, "celebrations")


def _render(request: Request, name: str, **context: Any) -> HttpResponse:
    return render(request, f"gamification/fragments/{name}.html", context)
