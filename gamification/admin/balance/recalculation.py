"""The page that recalculates past XP: choose, preview, begin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import uuid4

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.base import GamificationAdmin, log_transaction
from gamification.admin.concurrent_forms import (
    TagField,
    conflict_message,
    replace_data,
)
from gamification.admin.notes import NotesForm, notes_of
from gamification.admin.ui.formatting import format_number, isolate
from gamification.exceptions import GamificationError, InvalidSpanError, StaleEditError
from gamification.models import Activity, Job, JobKind
from gamification.staff import (
    RecalculationScope,
    begin_recalculation,
    fingerprint,
    has_all_permissions,
    last_days,
    preview_recalculation,
)
from gamification.values import RecalculationPreview

PERMISSIONS: Final = JobKind.RECALCULATION.permissions

#: The number of days that an empty form suggests.
_SUGGESTED_DAYS: Final = 30


class DayInput(forms.DateInput):
    """A date field with the browser's own calendar."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class RecalculationForm(NotesForm):
    """Asks for the activities and dates to recalculate, and for the reason."""

    activities = forms.MultipleChoiceField(
        label=gettext_lazy("Activities"), widget=forms.CheckboxSelectMultiple
    )
    since = forms.DateField(label=gettext_lazy("From"), widget=DayInput)
    until = forms.DateField(
        label=gettext_lazy("To"),
        widget=DayInput,
        help_text=gettext_lazy(
            "Both dates are included, in each user's own time zone. At most 365 days."
        ),
    )
    #: Identifies the preview that the editor was shown, by its own tag and its scope,
    #: and this showing of it: what is sent twice begins once.
    tag = TagField(required=False)
    field_order = ("activities", "since", "until", "note", "internal_note")

    def __init__(self, rows: Iterable[Activity], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["activities"]
        field.choices = [(row.key, _describe(row)) for row in rows]

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if not self.errors:
            try:
                dates = cleaned["since"], cleaned["until"]
                self.scope = RecalculationScope(cleaned["activities"], *dates)
            except InvalidSpanError as error:
                self.add_error("until", str(error))
        return cleaned

    def remember(self, preview: RecalculationPreview) -> None:
        """Carry the tag of the preview that the editor is about to see."""
        replace_data(self, {"tag": f"{preview.tag} {self._scope_tag} {uuid4().hex}"})

    def begin(self, actor: Any) -> Job | None:
        """Begin what was previewed; return None, with an error, if it is refused."""
        expected, _separator, shown = self.cleaned_data["tag"].partition(" ")
        if shown.partition(" ")[0] != self._scope_tag:
            message = _("The selection has changed. Check the new preview.")
            self.add_error(None, message)
        elif self.require_reason():
            return self._begin(actor, expected)
        return None

    def _begin(self, actor: Any, expected: str) -> Job | None:
        try:
            return begin_recalculation(
                self.scope,
                actor=actor,
                expected=expected,
                key=self.cleaned_data["tag"],
                **self.notes,
            )
        except StaleEditError:
            self.add_error(None, conflict_message(_("an activity")))
        except GamificationError as error:
            self.add_error(None, str(error))
        return None

    @property
    def _scope_tag(self) -> str:
        scope = self.scope
        return fingerprint(scope.since, scope.until, *sorted(scope.activities))


class RecalculationMixin(GamificationAdmin):
    """Adds the page that recalculates past XP to the pages of activities."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.recalculation_view)
        return [
            path("recalculate/", view, name="gamification_recalculate"),
            *super().get_urls(),
        ]

    def recalculation_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a scope, preview the effect, and begin when that is confirmed."""
        if not has_all_permissions(request.user, PERMISSIONS):
            raise PermissionDenied
        rows = {row.key: row for row in Activity.objects.all()}
        data = request.POST if request.method == "POST" else None
        form = RecalculationForm(rows.values(), data, initial=_suggestion(request))
        context: dict[str, Any] = {"title": _("Recalculate past XP"), "form": form}
        if form.is_bound and form.is_valid():
            job = self._begin(request, form) if "_begin" in request.POST else None
            if job:
                return self.show_begun(request, job)
            context["preview"] = preview = preview_recalculation(form.scope)
            context["corrections"] = [
                (rows[key].name, format_number(each.added), format_number(each.taken))
                for key, each in preview.activities.items()
            ]
            form.remember(preview)
        template = "gamification/admin/recalculation.html"
        return self.render_page(request, template, context)

    def _begin(self, request: HttpRequest, form: RecalculationForm) -> Job | None:
        with log_transaction():
            job = form.begin(request.user)
            if job and not job.is_replay:
                keys = form.scope.activities
                for activity in Activity.objects.filter(key__in=keys):
                    self.log_change(request, activity, _log_message(job, form.scope))
        return job


def _suggestion(request: HttpRequest) -> dict[str, Any]:
    since, until = last_days(_SUGGESTED_DAYS)
    keys = request.GET.getlist("activity")
    return {"activities": keys, "since": since, "until": until}


def _describe(activity: Activity) -> str:
    """Return the name of ``activity`` with its XP and daily limit."""
    values = {
        "name": isolate(activity),
        "xp": format_number(activity.xp_reward),
        "limit": activity.daily_limit,
    }
    if activity.daily_limit is None:
        return _("%(name)s: %(xp)s XP") % values
    return _("%(name)s: %(xp)s XP, up to %(limit)s times a day") % values


def _log_message(job: Job, scope: RecalculationScope) -> str:
    message = _("XP recalculated from %(since)s to %(until)s: job %(job)s. %(note)s")
    return message % {
        "since": formats.date_format(scope.since),
        "until": formats.date_format(scope.until),
        "job": job.pk,
        "note": notes_of(job.parameters),
    }
