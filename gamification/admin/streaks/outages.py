"""The page on which staff repair the streaks of everybody whom an outage broke."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

from django import forms
from django.contrib.admin.models import CHANGE
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.balance.recalculation import DayInput
from gamification.admin.base import GamificationAdmin, log_action
from gamification.admin.concurrent_forms import TagField, replace_data
from gamification.admin.notes import NotesForm
from gamification.admin.players.streak_actions import dates_between
from gamification.exceptions import GamificationError
from gamification.models import Job, JobKind, StreakDefinition
from gamification.staff import (
    begin_repairs,
    fingerprint,
    has_all_permissions,
    preview_repairs,
)
from gamification.values import RepairReport

PERMISSIONS: Final = JobKind.REPAIR.permissions


class OutageForm(NotesForm):
    """Asks for the dates of an outage. It repairs only what was previewed."""

    internal_note = None  # type: ignore[assignment]
    streak = forms.ChoiceField(label=gettext_lazy("Streak"))
    since = forms.DateField(label=gettext_lazy("First date"), widget=DayInput)
    until = forms.DateField(
        label=gettext_lazy("Last date"),
        widget=DayInput,
        required=False,
        help_text=gettext_lazy(
            "Empty means the first date alone. The dates are those of each user's own "
            "time zone."
        ),
    )
    #: Identifies what the staff member was shown.
    tag = TagField(required=False)
    field_order = ("streak", "since", "until", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["streak"]
        field.choices = [(row.key, row.name) for row in StreakDefinition.objects.all()]

    def preview(self) -> RepairReport | None:
        """Return what would be repaired; None, with an error, if it is refused."""
        try:
            report = preview_repairs(self._dates, streak=self.cleaned_data["streak"])
        except GamificationError as error:
            self.add_error(None, str(error))
            return None
        # What is sent twice begins once.
        replace_data(self, {"tag": f"{self._own_tag}:{uuid4().hex}"})
        return report

    def begin(self, actor: Any) -> Job | None:
        """Begin to repair what was previewed; None, with an error, if it is refused."""
        tag: str = self.cleaned_data["tag"]
        if tag.partition(":")[0] != self._own_tag:
            message = _("The selection has changed. Check the new preview.")
            self.add_error(None, message)
            return None
        if not self.require_reason():
            return None
        try:
            return begin_repairs(
                self._dates,
                actor=actor,
                note=self.cleaned_data["note"],
                streak=self.cleaned_data["streak"],
                key=tag,
            )
        except GamificationError as error:
            self.add_error(None, str(error))
            return None

    @property
    def item(self) -> StreakDefinition:
        """The streak that was chosen."""
        return StreakDefinition.objects.get(key=self.cleaned_data["streak"])

    @property
    def _dates(self) -> list[Any]:
        return dates_between(self.cleaned_data["since"], self.cleaned_data["until"])

    @property
    def _own_tag(self) -> str:
        names = ("streak", "since", "until")
        return fingerprint(*(self.data.get(name, "") for name in names))


class OutageMixin(GamificationAdmin):
    """Adds the page of an outage to the pages of streaks."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.outage_view)
        name = "gamification_streakdefinition_outage"
        return [path("outage/", view, name=name), *super().get_urls()]

    def outage_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for dates, preview whose streaks they broke, and repair them."""
        user: Any = request.user
        if not has_all_permissions(user, PERMISSIONS):
            raise PermissionDenied
        form = OutageForm(request.POST if request.method == "POST" else None)
        context: dict[str, Any] = {"title": _("Repair for everybody"), "form": form}
        if form.is_bound and form.is_valid():
            if "_repair" in request.POST and (job := form.begin(user)):
                return self._begun(request, form, job)
            context["preview"] = form.preview()
        template = "admin/gamification/streakdefinition/outage.html"
        return self.render_page(request, template, context)

    def _begun(self, request: HttpRequest, form: OutageForm, job: Job) -> HttpResponse:
        """Log the repair, and show the page of its job, which runs the steps."""
        if job.is_replay:
            return self.show_begun(request, job)
        since, until = form.cleaned_data["since"], form.cleaned_data["until"]
        values = {
            "job": job.pk,
            "since": date_format(since),
            "until": date_format(until or since),
            "note": form.cleaned_data["note"],
        }
        text = _("Job %(job)s repairs %(since)s to %(until)s. %(note)s")
        log_action(request, [form.item], CHANGE, text % values)
        return self.show_begun(request, job)
