"""Runs: long work of staff, followed and stepped on a page that may be closed."""

from __future__ import annotations

from math import floor
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.base import HistoryAdmin
from gamification.exceptions import UnknownRunError
from gamification.models import Achievement, Run, RunKind
from gamification.services import step_run
from gamification.services.runs import find_run

#: What who steps a run must be allowed to.
PERMISSIONS: Final[dict[str, str]] = {
    RunKind.HINDSIGHT: "gamification.award_achievement",
    RunKind.RERATE: "gamification.adjust_xp",
}

_STATES: Final = {
    "ready": gettext_lazy("not finished"),
    "busy": gettext_lazy("at work"),
    "stopped": gettext_lazy("stopped"),
    "over": gettext_lazy("finished"),
}

#: How parameters are called; others are the run's own.
_NAMES: Final = {
    "activities": gettext_lazy("activities"),
    "since": gettext_lazy("from"),
    "until": gettext_lazy("to"),
    "celebrate": gettext_lazy("celebrations"),
    "note": gettext_lazy("note"),
}


@admin.register(Run)
class RunAdmin(HistoryAdmin):
    list_display = ("__str__", "subject", "actor", "done", "total", "xp", "state")
    list_filter = ("kind",)
    list_select_related = ("actor",)
    search_fields = ()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path(
                "<int:run_id>/",
                view(self.progress_view),
                name="gamification_run_progress",
            ),
            path(
                "<int:run_id>/step/",
                view(self.step_view),
                name="gamification_run_step",
            ),
            *super().get_urls(),
        ]

    def has_view_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        # Whoever may do what a run does, may follow it.
        may_step = any(map(request.user.has_perm, PERMISSIONS.values()))
        return may_step or super().has_view_permission(request, obj)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if request.method != "GET":
            raise PermissionDenied
        run = self.get_object(request, unquote(object_id))
        if run is None:
            raise Http404
        return redirect(self.address_of("run_progress", run.pk))

    def progress_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Show how far a run is. The page's script steps it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = _found(run_id)
        context = {
            "title": capfirst(run.get_kind_display()),
            "original": run,
            "run": run,
            "state": _state(run),
            "state_words": _STATES[_state(run)],
            "percent": f"{floor(100 * run.fraction)} %",
            "achievement": _achievement_of(run),
            "parameters": _described(run),
            "may_step": request.user.has_perm(PERMISSIONS[run.kind]),
        }
        return self.own_page(request, "admin/gamification/run/progress.html", context)

    def step_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Do the next step, and show the run again."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        run = _found(run_id)
        if not request.user.has_perm(PERMISSIONS[run.kind]):
            raise PermissionDenied
        step_run(run.pk, actor=request.user)
        return redirect(self.address_of("run_progress", run.pk))

    @admin.display(description=gettext_lazy("of"))
    def subject(self, run: Run) -> str:
        asked = run.parameters
        return _shown(asked.get("achievement", asked.get("activities", "")))

    @admin.display(description=gettext_lazy("state"))
    def state(self, run: Run) -> str:
        return str(_STATES[_state(run)])


def _found(run_id: int) -> Run:
    try:
        return find_run(run_id)
    except UnknownRunError as error:
        raise Http404 from error


def _state(run: Run) -> str:
    if run.finished_at:
        return "over"
    if run.stepping_until and run.stepping_until > timezone.now():
        return "busy"
    return "stopped" if run.error else "ready"


def _achievement_of(run: Run) -> Achievement | None:
    key = run.parameters.get("achievement")
    return Achievement.objects.filter(key=key).first() if key else None


def _described(run: Run) -> list[tuple[str, str]]:
    """Return what the run was asked for, in words."""
    return [
        (str(capfirst(words)), _shown(run.parameters[name]))
        for name, words in _NAMES.items()
        if name in run.parameters
    ]


def _shown(value: object) -> str:
    match value:
        case bool():
            return _("yes") if value else _("no")
        case list():
            return ", ".join(map(str, value))
    return str(value)
