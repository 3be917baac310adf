"""Recalculation the past: chosen, previewed, and then done in steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.base import written_down
from gamification.admin.catalogue.editing import CatalogueAdmin
from gamification.admin.ui.charts import spelled
from gamification.admin.ui.formatting import isolated
from gamification.exceptions import GamificationError, InvalidSpanError, StaleEditError
from gamification.models import Activity, Job
from gamification.staff import (
    MAX_NOTE,
    RecalculationPreview,
    RecalculationScope,
    begin_recalculation,
    fingerprint,
    last_days,
    preview_recalculation,
)

PERMISSION: Final = "gamification.adjust_xp"

#: Days that are proposed.
_DAYS: Final = 30


class DayInput(forms.DateInput):
    """A date, with the browser's own calendar."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class RecalculationForm(forms.Form):
    """Which activities and dates are recalculated, and why."""

    activities = forms.MultipleChoiceField(
        label=gettext_lazy("Activities"), widget=forms.CheckboxSelectMultiple
    )
    since = forms.DateField(label=gettext_lazy("From"), widget=DayInput)
    until = forms.DateField(
        label=gettext_lazy("To"),
        widget=DayInput,
        help_text=gettext_lazy("Users' own dates, both included: 365 at the most."),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=MAX_NOTE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy(
            "Why. It stands in the ledger, with your name; a preview needs none."
        ),
    )
    #: Names what the editor was shown a preview of.
    previewed = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, rows: Iterable[Activity], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["activities"]
        field.choices = [(row.key, _described(row)) for row in rows]

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        if not self.errors:
            try:
                dates = chosen["since"], chosen["until"]
                self.past = RecalculationScope(chosen["activities"], *dates)
            except InvalidSpanError as error:
                self.add_error("until", str(error))
        return chosen

    def remember(self, preview: RecalculationPreview) -> None:
        """Let the form carry what its editor is shown now."""
        data: Any = self.data
        self.data = data = data.copy()
        data["previewed"] = f"{preview.tag} {self._chosen}"

    def begin(self, actor: Any) -> Job | None:
        """Begin to do what was previewed; None, and an error, if that is refused."""
        tag, _space, chosen = self.cleaned_data["previewed"].partition(" ")
        note = self.cleaned_data["note"]
        if chosen != self._chosen:
            self.add_error(None, _("That is not what you were shown. Look again."))
        elif not note.strip():
            self.add_error("note", _("Say why."))
        else:
            try:
                return begin_recalculation(
                    self.past, actor=actor, note=note, expected=tag
                )
            except StaleEditError:
                self.add_error(None, _("An activity was edited meanwhile. Look again."))
            except GamificationError as error:
                self.add_error(None, str(error))
        return None

    @property
    def _chosen(self) -> str:
        past = self.past
        return fingerprint(past.since, past.until, *sorted(past.activities))


class RecalculationAdmin(CatalogueAdmin):
    """The list of activities leads to the page that re-rates the past."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.recalculation_view)
        return [
            path("recalculate/", view, name="gamification_recalculate"),
            *super().get_urls(),
        ]

    def recalculation_view(self, request: HttpRequest) -> HttpResponse:
        """Ask what to recalculate, show the effect, and begin once that is sent."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        rows = {row.key: row for row in Activity.objects.all()}
        data = request.POST if request.method == "POST" else None
        form = RecalculationForm(rows.values(), data, initial=_proposed(request))
        context: dict[str, Any] = {"title": _("Recalculate the past"), "form": form}
        if form.is_bound and form.is_valid():
            if "_begin" in request.POST and (job := self._begin(request, form)):
                return redirect(self.address_of("job_progress", job.pk))
            context["preview"] = preview = preview_recalculation(form.past)
            context["corrections"] = [
                (rows[key].name, spelled(each.added), spelled(each.taken))
                for key, each in preview.activities.items()
            ]
            form.remember(preview)
        return self.own_page(request, "gamification/admin/recalculation.html", context)

    def _begin(self, request: HttpRequest, form: RecalculationForm) -> Job | None:
        with written_down():
            job = form.begin(request.user)
            if job:
                keys = form.past.activities
                for activity in Activity.objects.filter(key__in=keys):
                    self.log_change(request, activity, _told(job, form.past))
        return job


def _proposed(request: HttpRequest) -> dict[str, Any]:
    since, until = last_days(_DAYS)
    keys = request.GET.getlist("activity")
    return {"activities": keys, "since": since, "until": until}


def _described(activity: Activity) -> str:
    """Return the activity with what it gives."""
    values = {
        "name": isolated(activity),
        "xp": spelled(activity.xp_reward),
        "limit": activity.daily_limit,
    }
    if activity.daily_limit is None:
        return _("%(name)s: %(xp)s XP") % values
    return _("%(name)s: %(xp)s XP, %(limit)s times a day") % values


def _told(job: Job, past: RecalculationScope) -> str:
    message = _("Past recalculated from %(since)s to %(until)s: job %(job)s. %(note)s")
    return message % {
        "since": formats.date_format(past.since),
        "until": formats.date_format(past.until),
        "job": job.pk,
        "note": job.parameters["note"],
    }
