"""Visions and their KPIs: parse, call one action, show the page or the row again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from example_project.visions import actions
from example_project.visions.forms import TitleForm
from example_project.visions.models import KPI, TITLE_LENGTH, Vision
from gamification.services import Outcome

#: Completed KPIs that a vision shows, the latest first.
COMPLETED_SHOWN = 20


class Request(HttpRequest):
    """A request of somebody who is signed in."""

    user: User


def sent_from_home(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a view take forms of the home page, and lead all other visits back there.

    Users whose session has ended when they send a form log in again. The login page
    then sends them to the address of the form, without the form.
    """

    @wraps(view)
    def take(request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            return view(request, *args, **kwargs)
        return redirect("home")

    return login_required(require_http_methods(["GET", "HEAD", "POST"])(take))


@login_required
@require_safe
def home(request: Request) -> HttpResponse:
    """Show the user's visions, with their KPIs."""
    context = {"visions": _visions_of(request.user), "title_length": TITLE_LENGTH}
    return render(request, "visions/home.html", context)


@sent_from_home
def add_vision(request: Request) -> HttpResponse:
    form = TitleForm(request.POST)
    if form.is_valid():
        outcome = actions.add_vision(request.user, form.cleaned_data["title"])
        _say(request, "Vision added", outcome)
    return _back_home(request, form)


@sent_from_home
def delete_vision(request: Request, pk: int) -> HttpResponse:
    actions.delete_vision(request.user, pk)
    _say(request, "Vision deleted, with what it earned")
    return _back_home(request)


@sent_from_home
def add_kpi(request: Request, pk: int) -> HttpResponse:
    form = TitleForm(request.POST)
    if form.is_valid():
        actions.add_kpi(request.user, pk, form.cleaned_data["title"])
        _say(request, "KPI added")
    return _back_home(request, form)


@sent_from_home
def complete_kpi(request: Request, pk: int) -> HttpResponse:
    outcome = actions.complete_kpi(request.user, pk)
    return _show_kpi(request, pk, "KPI completed", outcome)


@sent_from_home
def reopen_kpi(request: Request, pk: int) -> HttpResponse:
    actions.reopen_kpi(request.user, pk)
    return _show_kpi(request, pk, "KPI reopened, without what it earned")


@sent_from_home
def delete_kpi(request: Request, pk: int) -> HttpResponse:
    actions.delete_kpi(request.user, pk)
    _say(request, "KPI deleted, with what it earned")
    return _back_home(request)


def _visions_of(user: User) -> QuerySet[Vision]:
    done = Q(completed_at__isnull=False)
    latest = KPI.objects.filter(done).order_by("-completed_at", "-id")
    return (
        Vision.objects.filter(owner=user.pk)
        .annotate(completed_count=Count("kpis", Q(kpis__completed_at__isnull=False)))
        .prefetch_related(
            Prefetch("kpis", KPI.objects.exclude(done), to_attr="open_kpis"),
            Prefetch("kpis", latest[:COMPLETED_SHOWN], to_attr="completed_kpis"),
        )
    )


def _show_kpi(
    request: Request, pk: int, what: str, outcome: Outcome | None = None
) -> HttpResponse:
    """Show a script what it has to replace in the page, or show the page again."""
    if request.headers.get("X-Requested-With") == "fetch":
        kpi = KPI.objects.get(pk=pk)
        done = KPI.objects.filter(vision=kpi.vision_id, completed_at__isnull=False)
        context = {"kpi": kpi, "outcome": outcome, "count": done.count()}
        return render(request, "visions/kpi_changed.html", context)
    _say(request, what, outcome)
    return _back_home(request)


def _back_home(request: Request, form: forms.BaseForm | None = None) -> HttpResponse:
    """Show the page again, with what was wrong with the form."""
    for errors in form.errors.values() if form else ():
        messages.error(request, " ".join(map(str, errors)))
    return redirect("home")


def _say(request: Request, what: str, outcome: Outcome | None = None) -> None:
    earned = f": +{outcome.xp_gained} XP" if outcome and outcome.xp_gained else ""
    messages.success(request, f"{what}{earned}.")
    if outcome and outcome.withheld:
        messages.info(request, f"{outcome.withheld.xp} XP are over the limit for now.")
