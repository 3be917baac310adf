"""Jobs: their list, and a page that shows progress and runs the next steps."""

from __future__ import annotations

from math import floor
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.base import HistoryAdmin
from gamification.exceptions import UnknownJobError
from gamification.models import Achievement, Job, JobKind, write_alias
from gamification.staff import find_job, run_next_step

#: The permission that running a step of each kind of job requires.
PERMISSIONS: Final[dict[str, str]] = {
    JobKind.BACKFILL: "gamification.award_achievement",
    JobKind.RECALCULATION: "gamification.adjust_xp",
}

_STATE_LABELS: Final = {
    "ready": gettext_lazy("not finished"),
    "busy": gettext_lazy("running"),
    "stopped": gettext_lazy("stopped"),
    "finished": gettext_lazy("finished"),
}

#: The labels of the parameters that the page shows.
_PARAMETER_LABELS: Final = {
    "activities": gettext_lazy("activities"),
    "since": gettext_lazy("from"),
    "until": gettext_lazy("to"),
    "celebrate": gettext_lazy("celebrate"),
    "note": gettext_lazy("note for the user"),
    "internal_note": gettext_lazy("internal note"),
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
        # Users who may run the steps of a job may also view it.
        kinds = _steppable_kinds(request)
        may_step = obj.kind in kinds if isinstance(obj, Job) else bool(kinds)
        return may_step or super().has_view_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        jobs = super().get_queryset(request)
        if super().has_view_permission(request):
            return jobs
        return jobs.filter(kind__in=_steppable_kinds(request))

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
        """Show the progress of a job. The page's script runs the steps."""
        job = self._find_job(request, job_id)
        context = {
            "title": capfirst(job.get_kind_display()),
            "original": job,
            "job": job,
            "state": _state(job),
            "state_label": _STATE_LABELS[_state(job)],
            "percent": f"{floor(100 * job.fraction)} %",
            "achievement": _achievement_of(job),
            "parameters": _describe_parameters(job),
            "may_step": request.user.has_perm(PERMISSIONS[job.kind]),
        }
        template = "admin/gamification/job/progress.html"
        return self.render_page(request, template, context)

    def step_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Run the next step, then show the job again."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        job = self._find_job(request, job_id)
        if not request.user.has_perm(PERMISSIONS[job.kind]):
            raise PermissionDenied
        run_next_step(job.pk, actor=request.user)
        return redirect(self.address_of("job_progress", job.pk))

    def _find_job(self, request: HttpRequest, job_id: int) -> Job:
        """Return the job; who may not view it is not told whether it exists."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            job = find_job(job_id)
        except UnknownJobError as error:
            raise Http404 from error
        if not self.has_view_permission(request, job):
            raise Http404
        return job

    @admin.display(description=gettext_lazy("subject"))
    def subject(self, job: Job) -> str:
        parameters = job.parameters
        return _format(parameters.get("achievement", parameters.get("activities", "")))

    @admin.display(description=gettext_lazy("state"))
    def state(self, job: Job) -> str:
        return str(_STATE_LABELS[_state(job)])


def _steppable_kinds(request: HttpRequest) -> list[str]:
    """Return the kinds of the jobs whose steps the staff member may run."""
    return [kind for kind in PERMISSIONS if request.user.has_perm(PERMISSIONS[kind])]


def _state(job: Job) -> str:
    if job.finished_at:
        return "finished"
    if job.stepping_until and job.stepping_until > timezone.now():
        return "busy"
    return "stopped" if job.error else "ready"


def _achievement_of(job: Job) -> Achievement | None:
    key = job.parameters.get("achievement")
    return (
        Achievement.objects.using(write_alias()).filter(key=key).first()
        if key
        else None
    )


def _describe_parameters(job: Job) -> list[tuple[str, str]]:
    """Return the labels and values of the parameters that the job began with."""
    return [
        (str(capfirst(label)), _format(job.parameters[name]))
        for name, label in _PARAMETER_LABELS.items()
        if job.parameters.get(name, "") != ""
    ]


def _format(value: object) -> str:
    match value:
        case bool():
            return _("yes") if value else _("no")
        case list():
            return ", ".join(map(str, value))
    return str(value)
