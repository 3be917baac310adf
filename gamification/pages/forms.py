"""The forms of the pages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gamification.components.zones import ZoneSelect, zone_choices
from gamification.exceptions import GamificationError
from gamification.models import StreakDefinition
from gamification.services import ProfileSummary, pause_streak, repair_own_streak

CELEBRATION_MODES = [
    ("all", _("All of them")),
    ("quiet", _("Quiet: without motion")),
    ("none", _("None")),
]


class SettingsForm(forms.Form):
    """The settings that users choose for themselves."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        widget=ZoneSelect,
        help_text=_("Your days and streaks follow it. It can change once a day."),
    )
    celebration_mode = forms.ChoiceField(
        label=_("Celebrations"), choices=CELEBRATION_MODES, widget=forms.RadioSelect
    )
    is_public = forms.BooleanField(
        label=_("Show me on leaderboards, and my profile to others"), required=False
    )

    def __init__(self, progress: ProfileSummary, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = progress.pending_time_zone or progress.time_zone
        self.initial = {
            "time_zone": zone,
            "celebration_mode": progress.celebration_mode,
            "is_public": progress.is_public,
        }
        self.fields["time_zone"].choices = zone_choices(zone)  # type: ignore[attr-defined]

    def chosen(self) -> dict[str, Any]:
        """Return what the user changed."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class DayInput(forms.DateInput):
    """A date field with the browser's own calendar."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class PauseForm(forms.Form):
    """Asks which dates a user pauses, from the user's today on."""

    start = forms.DateField(label=_("First day"), widget=DayInput)
    end = forms.DateField(label=_("Last day"), widget=DayInput)
    streak = forms.ChoiceField(label=_("Streak"), required=False)

    def __init__(
        self, streaks: Iterable[StreakDefinition], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["streak"]
        every = [("", _("All streaks"))]
        field.choices = every + [(row.key, row.name) for row in streaks]

    def pause(self, user: Any) -> bool:
        """Pause the dates; say whether that was allowed, and add an error if not."""
        values = self.cleaned_data
        try:
            streak = values["streak"] or None
            pause_streak(user, values["start"], values["end"], streak=streak)
        except GamificationError as error:
            self.add_error(None, str(error))
            return False
        return True


class EndPauseForm(forms.Form):
    """The key of what was paused, empty for all streaks, and its first date."""

    streak = forms.SlugField(max_length=100, required=False)
    start = forms.DateField(input_formats=["%Y-%m-%d"])

    @property
    def chosen(self) -> str | None:
        """The key; None for all streaks."""
        return self.cleaned_data["streak"] or None


class DatesField(forms.TypedMultipleChoiceField):
    """Dates, of which any may be sent."""

    def valid_value(self, value: str) -> bool:
        return len(value) <= len("2026-12-31")


class RepairForm(forms.Form):
    """Asks which missed dates a user credits to a streak."""

    streak = forms.SlugField(max_length=100)
    dates = DatesField(coerce=date.fromisoformat)

    def repair(self, user: Any) -> str:
        """Repair the dates; return why that was refused, or ""."""
        if not self.is_valid():
            return str(_("Check the dates, and try again."))
        values = self.cleaned_data
        try:
            repair_own_streak(user, values["dates"], streak=values["streak"])
        except GamificationError as error:
            return str(error)
        return ""


class IdsField(forms.TypedMultipleChoiceField):
    """Ids of rows, which need not exist."""

    def valid_value(self, value: str) -> bool:
        return value.isascii() and value.isdecimal() and len(value) < 20


class SeenForm(forms.Form):
    """Says which celebrations the user has seen."""

    ids = IdsField(coerce=int)
