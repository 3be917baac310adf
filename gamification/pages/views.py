"""The pages: parse, call one verb, show."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from gamification.components.badges import badge_of
from gamification.components.streaks import today_of
from gamification.conf import conf
from gamification.exceptions import UnknownStreakError
from gamification.leaderboards import Window, period_after, period_before
from gamification.leaderboards import period_of as named_period
from gamification.models import StreakDefinition
from gamification.pages.forms import (
    EndPauseForm,
    PauseForm,
    RepairForm,
    SeenForm,
    SettingsForm,
)
from gamification.pages.requests import (
    PAGE_SIZE,
    YEARS,
    Request,
    around_of,
    order_of,
    page_of,
    period_of,
    window_of,
    year_of,
)
from gamification.services import (
    ProfileSummary,
    acknowledge_celebrations,
    end_pause,
    get_progress,
    get_rarity,
)
from gamification.staff import (
    held_once,
    own_repairs,
    pauses_of,
    set_choices,
)
from gamification.user_lookup import find_visible_user, public_name

_View = Callable[[Request], HttpResponse]

#: A profile shows at most this many achievements.
HELD_SHOWN = 100


def sent_from(page: str) -> Callable[[_View], _View]:
    """Return a decorator for views that take a form; others are led to ``page``.

    Users whose session has ended when they send the form log in again. The login page
    then sends them to the address of the form, without the form.
    """

    def decorate(view: _View) -> _View:
        @wraps(view)
        def take(request: Request) -> HttpResponse:
            if request.method == "POST":
                return view(request)
            return redirect(f"gamification_pages:{page}")

        return login_required(require_http_methods(["GET", "HEAD", "POST"])(take))

    return decorate


@login_required
@require_safe
def progress(request: Request) -> HttpResponse:
    """Show all of the user's progress."""
    standing = get_progress(request.user)
    this_year = today_of(standing).year
    context = {
        "progress": standing,
        "name": public_name(request.user),
        "repairs": own_repairs(request.user),
        "year": year_of(request) or this_year,
        "this_year": this_year,
        "first_year": YEARS.start,
    }
    return render(request, "gamification/pages/progress.html", context)


@login_required
@require_safe
def achievements(request: Request) -> HttpResponse:
    """Show what the user can unlock, and how rare it is."""
    context = {
        "progress": get_progress(request.user),
        "order": order_of(request),
        "rarity": get_rarity(),
    }
    return render(request, "gamification/pages/achievements.html", context)


@login_required
@require_safe
def leaderboards(request: Request, window: str = Window.WEEK) -> HttpResponse:
    """Show the leaderboard of a window: a page, or the part around the user."""
    shown = window_of(window)
    name = period_of(request, shown)
    period = named_period(shown, name, None)
    context = {
        "window": shown,
        "windows": Window,
        "around": around_of(request),
        "page": page_of(request),
        "page_size": PAGE_SIZE,
        "period": name,
        "before": period_before(period),
        "after": period_after(period),
    }
    return render(request, "gamification/pages/leaderboards.html", context)


@login_required
@require_safe
def profile(request: Request, name: str) -> HttpResponse:
    """Show a user who is public, or oneself."""
    user = find_visible_user(name, request.user)
    held = held_once(user, viewer=request.user)
    context = {
        "shown": user,
        "name": public_name(user),
        "progress": get_progress(user),
        "held": [(each, badge_of(each.achievement.icon)) for each in held[:HELD_SHOWN]],
        "held_count": held.count(),
        "is_own": user == request.user,
    }
    return render(request, "gamification/pages/profile.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: Request) -> HttpResponse:
    """Show the user's settings, and change them."""
    standing = get_progress(request.user)
    form = SettingsForm(standing, request.POST or None)
    if form.is_valid():
        set_choices(request.user, **form.chosen())
        messages.success(request, _("Saved."), fail_silently=True)
        return redirect("gamification_pages:settings")
    return _settings_page(request, standing, form, _pause_form())


@sent_from("settings")
def pause(request: Request) -> HttpResponse:
    """Pause the user's streaks, or one."""
    form = _pause_form(request.POST)
    if form.is_valid() and form.pause(request.user):
        messages.success(request, _("Your pause is saved."), fail_silently=True)
        return redirect("gamification_pages:settings")
    standing = get_progress(request.user)
    return _settings_page(request, standing, SettingsForm(standing), form)


@sent_from("settings")
def end(request: Request) -> HttpResponse:
    """End one pause from today on."""
    form = EndPauseForm(request.POST)
    with suppress(UnknownStreakError):
        start = form.cleaned_data["start"] if form.is_valid() else None
        if start and end_pause(request.user, streak=form.chosen, start=start):
            messages.success(request, _("Your pause has ended."), fail_silently=True)
    return redirect("gamification_pages:settings")


@sent_from("progress")
def repair(request: Request) -> HttpResponse:
    """Credit dates that the user missed, where the site allows it."""
    if problem := RepairForm(request.POST).repair(request.user):
        messages.error(request, problem, fail_silently=True)
    else:
        text = _("Your streak is repaired.")
        messages.success(request, text, fail_silently=True)
    return HttpResponseRedirect(_origin(request))


def _pause_form(data: Any = None) -> PauseForm:
    rows = StreakDefinition.objects.filter(is_active=True)
    return PauseForm(rows, data)


def _settings_page(
    request: Request, standing: ProfileSummary, form: SettingsForm, pausing: PauseForm
) -> HttpResponse:
    open_pauses = pauses_of(request.user).filter(until__gte=today_of(standing))
    context = {
        "form": form,
        "progress": standing,
        "repairs": own_repairs(request.user),
        "pause_form": pausing,
        "pauses": open_pauses.order_by("since"),
        "most_days": conf.MAX_PAUSE_DAYS,
        "most_days_a_year": conf.MAX_PAUSE_DAYS_A_YEAR,
    }
    return render(request, "gamification/pages/settings.html", context)


@sent_from("progress")
def see(request: Request) -> HttpResponse:
    """Mark celebrations as seen, and go back to where the user was."""
    form = SeenForm(request.POST)
    if form.is_valid():
        acknowledge_celebrations(request.user, ids=form.cleaned_data["ids"])
    response = HttpResponseRedirect(_origin(request))
    response.status_code = 303
    return response


@require_safe
@cache_control(public=True, max_age=3_600)
def badge(request: HttpRequest, name: str) -> HttpResponse:
    """Redirect to the picture of a badge, which may be the site's own."""
    return redirect(badge_of(name).image)


def _origin(request: Request) -> str:
    """Return the page from which a form was sent, if it is one of the site's."""
    address = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else reverse("gamification_pages:progress")
