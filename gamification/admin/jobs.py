"""Jobs: their list, and a page that shows progress, runs steps and controls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import floor
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from gamification.admin.base import HistoryAdmin, log_transaction
from gamification.admin.many.lists import ListMixin
from gamification.admin.many.periods import PeriodMixin
from gamification.admin.notes import notes_of
from gamification.admin.ui.formatting import signed
from gamification.exceptions import GamificationError, UnknownJobError
from gamification.models import Achievement, Job, JobKind, JobUser
from gamification.staff import (
    MAX_NOTE,
    UserRef,
    abandon_job,
    begin_undo,
    entries_of,
    find_job,
    has_all_permissions,
    pause_job,
    repairs_by,
    resume_job,
    run_next_step,
    sees_secrets,
    undo_of,
    visible_jobs,
)

#: The labels of the parameters that the page shows.
_PARAMETER_LABELS: Final = {
    "achievements": gettext_lazy("achievements"),
    "activities": gettext_lazy("activities"),
    "activity": gettext_lazy("activity"),
    "user": gettext_lazy("key of the user"),
    "streak": gettext_lazy("streak"),
    "dates": gettext_lazy("dates"),
    "since": gettext_lazy("from"),
    "until": gettext_lazy("to"),
    "amount": gettext_lazy("XP for each user"),
    "levels": gettext_lazy("XP at which levels begin"),
    "celebrate": gettext_lazy("celebrate"),
    "note": gettext_lazy("note for the user"),
    "internal_note": gettext_lazy("internal note"),
}

#: The actions on a job besides running it, each with the message that follows.
_CONTROLS: Final[Mapping[str, tuple[Callable[..., Job], Any]]] = {
    "pause": (pause_job, gettext_lazy("Job %(job)s is paused.")),
    "resume": (resume_job, gettext_lazy("Job %(job)s continues.")),
    "abandon": (
        abandon_job,
        gettext_lazy("Job %(job)s is abandoned. Its changes so far remain."),
    ),
}

#: The page lists at most this many skipped users.
_MAX_SKIPPED: Final = 100


@admin.register(Job)
class JobAdmin(ListMixin, PeriodMixin, HistoryAdmin):
    list_display = ("__str__", "subject", "actor", "done", "total", "xp", "state")
    list_filter = ("kind",)
    list_select_related = ("actor",)
    search_fields = ()
    change_list_template = "admin/gamification/job/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "gamification_job"
        return [
            path("<int:job_id>/", view(self.progress_view), name=f"{name}_progress"),
            path("<int:job_id>/step/", view(self.step_view), name=f"{name}_step"),
            path("<int:job_id>/undo/", view(self.undo_view), name=f"{name}_undo"),
            *(
                path(
                    f"<int:job_id>/{what}/",
                    view(self.control_view),
                    {"what": what},
                    name=f"{name}_{what}",
                )
                for what in _CONTROLS
            ),
            *super().get_urls(),
        ]

    def has_view_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        # Staff who may run a job may also view it.
        may_run = has_all_permissions(
            request.user,
            obj.permissions if isinstance(obj, Job) else ["gamification.run_job"],
        )
        return may_run or super().has_view_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        jobs = super().get_queryset(request)
        return jobs.filter(pk__in=visible_jobs(request.user).order_by())

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
        """Show the progress of a job.

        The page's script runs the steps, but only after a click of the staff member:
        here, or on the page that began the job.
        """
        job = self._find_job(request, job_id)
        may_run = has_all_permissions(request.user, job.permissions)
        context = {
            "title": capfirst(job.get_kind_display()),
            "original": job,
            "job": job,
            "percent": f"{floor(100 * job.fraction)} %",
            "achievement": _achievement_of(job),
            "sees_achievement": sees_secrets(request.user),
            "parameters": _describe_parameters(job),
            "may_run": may_run,
            "runs": may_run and self.was_clicked(request, job),
            **_history_of(job),
        }
        template = "admin/gamification/job/progress.html"
        return self.render_page(request, template, context)

    def step_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Run the next step, then show the job again."""
        job = self._controlled(request, job_id)
        if isinstance(job, HttpResponse):
            return job
        run_next_step(job.pk, actor=request.user)
        return redirect(self.address_of("job_progress", job.pk))

    def control_view(
        self, request: HttpRequest, job_id: int, what: str
    ) -> HttpResponse:
        """Pause, resume or abandon a job, then show it again."""
        job = self._controlled(request, job_id)
        if isinstance(job, HttpResponse):
            return job
        control, message = _CONTROLS[what]
        text = message % {"job": job.pk}
        self._control(request, job, control, text)
        if what == "resume":
            self.click(request, job)
        return redirect(self.address_of("job_progress", job.pk))

    def undo_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Begin a job that takes another one back, and show it."""
        job = self._controlled(request, job_id)
        if isinstance(job, HttpResponse):
            return job
        notes = {
            name: request.POST.get(name, "")[:MAX_NOTE]
            for name in ("note", "internal_note")
        }

        def begin(job_id: int, *, actor: UserRef) -> Job:
            return begin_undo(job_id, actor=actor, **notes)

        message = _("Job %(job)s is being taken back. %(note)s")
        text = message % {"job": job.pk, "note": notes_of(notes)}
        undo = self._control(request, job, begin, text)
        if undo:
            self.click(request, undo)
        return redirect(self.address_of("job_progress", (undo or job).pk))

    def _controlled(self, request: HttpRequest, job_id: int) -> Job | HttpResponse:
        """Return the job that the staff member may control, or the refusal."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        job = self._find_job(request, job_id)
        if not has_all_permissions(request.user, job.permissions):
            raise PermissionDenied
        return job

    def _control(
        self, request: HttpRequest, job: Job, control: Callable[..., Job], text: str
    ) -> Job | None:
        """Control the job and log it; return None, with a message, if it is refused."""
        try:
            with log_transaction():
                changed = control(job.pk, actor=request.user)
                self.log_change(request, job, text)
        except GamificationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        self.message_user(request, text, messages.SUCCESS)
        return changed

    def _find_job(self, request: HttpRequest, job_id: int) -> Job:
        """Return the job; users who may not view it cannot learn whether it exists."""
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
        given = job.parameters
        if "job" in given:
            return _("job %(job)s") % {"job": given["job"]}
        if "amount" in given:
            return _("%(xp)s XP") % {"xp": signed(given["amount"])}
        if "levels" in given:
            count = len(given["levels"])
            text = ngettext("%(count)s level", "%(count)s levels", count)
            return text % {"count": count}
        names = ("achievement", "activities", "since", "dates")
        return _format(next((given[name] for name in names if name in given), ""))

    @admin.display(description=gettext_lazy("state"))
    def state(self, job: Job) -> str:
        return str(job.state.label)


@admin.register(JobUser)
class JobUserAdmin(HistoryAdmin):
    """The lists of jobs, and what became of each user."""

    list_display = ("user", "job", "result", "reason")
    list_filter = ("result",)
    list_select_related = ("user", "job")


def _achievement_of(job: Job) -> Achievement | None:
    key = job.parameters.get("achievement")
    return Achievement.objects.filter(key=key).first() if key else None


def _history_of(job: Job) -> dict[str, Any]:
    """Return, for a job that is over, the skipped users and how to undo it."""
    if not job.finished_at:
        return {}
    skipped = JobUser.objects.filter(job=job, result=JobUser.Result.SKIPPED)
    undo = undo_of(job)
    made = repairs_by if job.kind == JobKind.REPAIR else entries_of
    return {
        "skipped": skipped.select_related("user")[:_MAX_SKIPPED] if job.skipped else (),
        "undo": undo,
        "may_undo": not undo
        and not job.undoes
        and ("before" in job.parameters or made(job.pk).exists()),
    }


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
