"""What an achievement would give by a backfill, shown before anything is given."""

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
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.base import sectioned, written_down
from gamification.admin.catalogue.editing import CatalogueAdmin
from gamification.exceptions import GamificationError
from gamification.models import Achievement, Job
from gamification.staff import (
    MAX_NOTE,
    begin_backfill,
    preview_backfill,
    unfinished_backfills,
)

#: The most achievements that one page previews.
MOST: Final = 5

PERMISSION: Final = "gamification.award_achievement"


class AwardForm(forms.Form):
    """How an achievement is backfilled."""

    celebrate = forms.BooleanField(
        label=gettext_lazy("Celebrate it"),
        required=False,
        help_text=gettext_lazy(
            "Users are shown that they unlocked it. Otherwise they get it silently."
        ),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Why. It is kept with your name."),
    )

    def begin(self, achievement: Achievement, actor: Any) -> Job | None:
        """Begin to award it; None, and an error, if that is refused."""
        try:
            return begin_backfill(achievement.key, actor=actor, **self.cleaned_data)
        except GamificationError as error:
            self.add_error(None, str(error))
            return None


class PreviewAdmin(CatalogueAdmin):
    """Achievements are tried first, and then awarded to who earned them before."""

    actions = (*CatalogueAdmin.actions, "preview_backfill_of")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.award_view)
        name = "gamification_achievement_award"
        return [path("<path:object_id>/award/", view, name=name), *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        form = context["adminform"].form
        if form.is_preview and not form.errors:
            context["preview"] = preview_backfill(form.instance)
            context["previewed"] = form.instance
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(permissions=["view"], description=gettext_lazy("Preview a backfill"))
    def preview_backfill_of(
        self, request: HttpRequest, queryset: QuerySet[Achievement]
    ) -> HttpResponse | None:
        """Say what each of the achievements would give."""
        rows = [*queryset.select_related("activity")[: MOST + 1]]
        if len(rows) > MOST:
            message = _("Choose no more than %(most)s achievements.")
            self.message_user(request, message % {"most": MOST}, messages.ERROR)
            return None
        if len(rows) == 1:
            return redirect(self.address_of("achievement_award", rows[0].pk))
        previews = [(row, preview_backfill(row, sample=0)) for row in rows]
        context = {"title": _("Preview of a backfill"), "previews": previews}
        return self.own_page(
            request, "admin/gamification/achievement/previews.html", context
        )

    def award_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what awarding an achievement would do; begin it once that is sent."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        achievement: Any = self.get_object(request, unquote(object_id))
        if achievement is None:
            raise Http404
        form = AwardForm(request.POST if request.method == "POST" else None)
        if form.is_bound and (job := self._award(request, achievement, form)):
            return redirect(self.address_of("job_progress", job.pk))
        context = {
            "title": _("Backfill"),
            "subtitle": str(achievement),
            "original": achievement,
            "form": form,
            "adminform": sectioned(form),
            "job": unfinished_backfills(achievement).first(),
            "may_award": request.user.has_perm(PERMISSION),
            "previewed": achievement,
            "preview": preview_backfill(achievement),
        }
        return self.own_page(
            request, "admin/gamification/achievement/award.html", context
        )

    def _award(
        self, request: HttpRequest, achievement: Achievement, form: AwardForm
    ) -> Job | None:
        """Begin a job, or return the one that has begun; None if that is refused."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        if job := unfinished_backfills(achievement).first():
            message = _("It is being awarded already.")
            self.message_user(request, message, messages.WARNING)
            return job
        if not form.is_valid():
            return None
        with written_down():
            if job := form.begin(achievement, request.user):
                self.log_change(request, achievement, _told(job))
        return job


def _told(job: Job) -> str:
    """Return what is written down of an award that was begun."""
    celebrated = _("Backfill begun, with celebrations: job %(job)s. %(note)s")
    silent = _("Backfill begun, silently: job %(job)s. %(note)s")
    values = {"job": job.pk, "note": job.parameters["note"]}
    return (celebrated if job.parameters["celebrate"] else silent) % values
