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
from gamification.exceptions import UnknownJobError
from gamification.models import Achievement, Job, JobKind
from gamification.staff import (
    find_job,
    run_next_step,
)

#: What who steps a job must be allowed to.
PERMISSIONS: Final[dict[str, str]] = {
    JobKind.BACKFILL: "gamification.award_achievement",
    JobKind.RECALCULATION: "gamification.adjust_xp",
}

_STATES: Final = {
    "ready": gettext_lazy("not finished"),
    "busy": gettext_lazy("at work"),
    "stopped": gettext_lazy("stopped"),
    "over": gettext_lazy("finished"),
}

#: How parameters are called; others are the job's own.
_NAMES: Final = {
    "activities": gettext_lazy("activities"),
    "since": gettext_lazy("from"),
    "until": gettext_lazy("to"),
    "celebrate": gettext_lazy("celebrations"),
    "note": gettext_lazy("note"),
}


@admin.register(Job)
class JobAdmin(HistoryAdmin):
    list_display = ("__str__", "subject", "actor", "done", "total", "xp", "state")
    list_filter = ("kind",)
    list_select_related = ("actor",)
    search_fields = ()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path(
                "<int:job_id>/",
                view(self.progress_view),
                name="gamification_job_progress",
            ),
            path(
                "<int:job_id>/step/",
                view(self.step_view),
                name="gamification_job_step",
            ),
            *super().get_urls(),
        ]

    def has_view_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        # Whoever may do what a job does, may follow it.
        may_step = any(map(request.user.has_perm, PERMISSIONS.values()))
        return may_step or super().has_view_permission(request, obj)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if request.method != "GET":
            raise PermissionDenied
        job = self.get_object(request, unquote(object_id))
        if job is None:
            raise Http404
        return redirect(self.address_of("job_progress", job.pk))

    def progress_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Show how far a job is. The page's script steps it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = _found(job_id)
        context = {
            "title": capfirst(job.get_kind_display()),
            "original": job,
            "job": job,
            "state": _state(job),
            "state_words": _STATES[_state(job)],
            "percent": f"{floor(100 * job.fraction)} %",
            "achievement": _achievement_of(job),
            "parameters": _described(job),
            "may_step": request.user.has_perm(PERMISSIONS[job.kind]),
        }
        return self.own_page(request, "admin/gamification/job/progress.html", context)

    def step_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Do the next step, and show the job again."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        job = _found(job_id)
        if not request.user.has_perm(PERMISSIONS[job.kind]):
            raise PermissionDenied
        run_next_step(job.pk, actor=request.user)
        return redirect(self.address_of("job_progress", job.pk))

    @admin.display(description=gettext_lazy("of"))
    def subject(self, job: Job) -> str:
        asked = job.parameters
        return _shown(asked.get("achievement", asked.get("activities", "")))

    @admin.display(description=gettext_lazy("state"))
    def state(self, job: Job) -> str:
        return str(_STATES[_state(job)])


def _found(job_id: int) -> Job:
    try:
        return find_job(job_id)
    except UnknownJobError as error:
        raise Http404 from error


def _state(job: Job) -> str:
    if job.finished_at:
        return "over"
    if job.stepping_until and job.stepping_until > timezone.now():
        return "busy"
    return "stopped" if job.error else "ready"


def _achievement_of(job: Job) -> Achievement | None:
    key = job.parameters.get("achievement")
    return Achievement.objects.filter(key=key).first() if key else None


def _described(job: Job) -> list[tuple[str, str]]:
    """Return what the job was asked for, in words."""
    return [
        (str(capfirst(words)), _shown(job.parameters[name]))
        for name, words in _NAMES.items()
        if name in job.parameters
    ]


def _shown(value: object) -> str:
    match value:
        case bool():
            return _("yes") if value else _("no")
        case list():
            return ", ".join(map(str, value))
    return str(value)
