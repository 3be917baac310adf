"""Pages that preview a backfill, and start it for one achievement."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.base import GamificationAdmin, as_admin_form, log_transaction
from gamification.admin.notes import NotesForm, notes_of
from gamification.components.achievements import look_of
from gamification.exceptions import GamificationError
from gamification.models import Achievement, Job, JobKind
from gamification.staff import (
    begin_backfill,
    has_all_permissions,
    preview_backfill,
    reach_problem,
    unfinished_backfills,
    visible_users,
)

#: The highest number of achievements that one page previews.
MAX_PREVIEWS: Final = 5

PERMISSIONS: Final = JobKind.BACKFILL.permissions


class BackfillForm(NotesForm):
    """Starts the backfill of an achievement."""

    celebrate = forms.BooleanField(
        label=gettext_lazy("Celebrate"),
        required=False,
        help_text=gettext_lazy(
            "Show users that they unlocked the achievement. Otherwise, it is awarded "
            "silently."
        ),
    )
    field_order = ("celebrate", "note", "internal_note")

    def clean(self) -> dict[str, Any] | None:
        self.require_reason()
        return super().clean()

    def begin(self, achievement: Achievement, actor: Any) -> Job | None:
        """Begin the backfill; return None, with an error, if it is refused."""
        try:
            return begin_backfill(achievement.key, actor=actor, **self.cleaned_data)
        except GamificationError as error:
            self.add_error(None, str(error))
            return None


class BackfillMixin(GamificationAdmin):
    """Adds previews and the page of a backfill to the pages of achievements."""

    actions = (*GamificationAdmin.actions, "preview_backfills")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.backfill_view)
        name = "gamification_achievement_backfill"
        return [
            path("<path:object_id>/backfill/", view, name=name),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        form = context["adminform"].form
        if form.is_preview and not form.errors:
            context["preview"] = preview = preview_backfill(form.instance)
            context["sample"] = visible_users(preview.sample, request.user)
            context["previewed"] = form.instance
            context["problem"] = reach_problem(form.instance)
            context["look"] = look_of(form.instance, timezone.now())
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(permissions=["view"], description=gettext_lazy("Preview a backfill"))
    def preview_backfills(
        self, request: HttpRequest, queryset: QuerySet[Achievement]
    ) -> HttpResponse | None:
        """Show the effect of a backfill of each selected achievement."""
        rows = [*queryset.select_related("activity", "streak")[: MAX_PREVIEWS + 1]]
        if len(rows) > MAX_PREVIEWS:
            message = _("Choose at most %(most)s achievements.")
            values = {"most": MAX_PREVIEWS}
            self.message_user(request, message % values, messages.ERROR)
            return None
        if len(rows) == 1:
            return redirect(self.address_of("achievement_backfill", rows[0].pk))
        previews = [(row, preview_backfill(row, sample=0)) for row in rows]
        context = {"title": _("Backfill preview"), "previews": previews}
        return self.render_page(
            request, "admin/gamification/achievement/previews.html", context
        )

    def backfill_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Preview the backfill of an achievement; begin it when the form is sent."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        achievement: Any = self.get_object(request, unquote(object_id))
        if achievement is None:
            raise Http404
        form = BackfillForm(request.POST if request.method == "POST" else None)
        if form.is_bound and (job := self._begin(request, achievement, form)):
            return self.show_begun(request, job)
        preview = preview_backfill(achievement)
        context = {
            "title": _("Backfill"),
            "subtitle": str(achievement),
            "original": achievement,
            "form": form,
            "adminform": as_admin_form(form),
            "job": unfinished_backfills(achievement).first(),
            "may_award": has_all_permissions(request.user, PERMISSIONS),
            "previewed": achievement,
            "preview": preview,
            "sample": visible_users(preview.sample, request.user),
            "problem": reach_problem(achievement),
        }
        return self.render_page(
            request, "admin/gamification/achievement/backfill.html", context
        )

    def _begin(
        self, request: HttpRequest, achievement: Achievement, form: BackfillForm
    ) -> Job | None:
        """Return a new job or the unfinished one; None if the form has errors."""
        if not has_all_permissions(request.user, PERMISSIONS):
            raise PermissionDenied
        if job := unfinished_backfills(achievement).first():
            message = _("A backfill of this achievement is already running.")
            self.message_user(request, message, messages.WARNING)
            return job
        if not form.is_valid():
            return None
        with log_transaction():
            if job := form.begin(achievement, request.user):
                self.log_change(request, achievement, _log_message(job))
        return job


def _log_message(job: Job) -> str:
    celebrated = _("Backfill started, with celebrations: job %(job)s. %(note)s")
    silent = _("Backfill started, without celebrations: job %(job)s. %(note)s")
    values = {"job": job.pk, "note": notes_of(job.parameters)}
    return (celebrated if job.parameters["celebrate"] else silent) % values
