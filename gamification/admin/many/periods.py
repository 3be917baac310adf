"""The page on which staff take back what was recorded in a period."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.balance.recalculation import DayInput
from gamification.admin.base import GamificationAdmin
from gamification.admin.many.pages import ManyForm, act_view
from gamification.models import Activity, Job, JobKind
from gamification.staff import (
    Act,
    begin_take_back,
    find_names,
    last_days,
    preview_take_back,
)
from gamification.values import ActPreview

#: The number of days that an empty form suggests.
_SUGGESTED_DAYS: Final = 7


class PeriodForm(ManyForm):
    """Asks for the user, the activity and the dates to take back."""

    decisive = ("user", "activity", "since", "until")
    field_order = ("user", "activity", "since", "until", "note", "internal_note")

    user = forms.CharField(
        label=gettext_lazy("User"),
        required=False,
        help_text=gettext_lazy(
            "A user name, e-mail address or key. Empty means everybody."
        ),
    )
    activity = forms.ChoiceField(label=gettext_lazy("Activity"), required=False)
    since = forms.DateField(label=gettext_lazy("From"), widget=DayInput)
    until = forms.DateField(
        label=gettext_lazy("To"),
        widget=DayInput,
        help_text=gettext_lazy(
            "Both dates are included, in each user's own time zone. At most 365 days."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Activity.objects.values_list("key", "name")
        choices = [("", _("All activities")), *rows]
        self.fields["activity"].choices = choices  # type: ignore[attr-defined]

    def clean_user(self) -> Any:
        """Return the key of the user; None means everybody."""
        name = self.cleaned_data["user"].strip()
        if not name:
            return None
        found = [*find_names([name]).found]
        if len(found) != 1:
            raise forms.ValidationError(_("This does not identify exactly one user."))
        return found[0]

    @property
    def act(self) -> Act:
        """The act that takes the period back."""
        names = ("activity", "since", "until")
        given = {name: self.cleaned_data[name] for name in names}
        return Act(kind=JobKind.REVERSAL, **given, **self.notes)

    def play(self, actor: Any) -> ActPreview:
        return preview_take_back(self.act, user=self.cleaned_data["user"])

    def start(self, actor: Any, key: str) -> Job:
        user, request = self.cleaned_data["user"], self.request
        return begin_take_back(
            self.act, user=user, actor=actor, key=key, request=request
        )

    def name_of(self, user_id: Any) -> str:
        return self.data["user"] or str(user_id)


class PeriodMixin(GamificationAdmin):
    """Adds the page that takes back a period to the pages of jobs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.period_view)
        return [
            path("reversal/", view, name="gamification_job_reversal"),
            *super().get_urls(),
        ]

    def period_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a period, preview what taking it back does, and begin it."""
        since, until = last_days(_SUGGESTED_DAYS)
        user = request.GET.get("user", "")
        form = PeriodForm(initial={"user": user, "since": since, "until": until})
        if request.method == "POST":
            form = PeriodForm(request.POST)
        template = "admin/gamification/job/period.html"
        return act_view(self, request, JobKind.REVERSAL, form, template)
