"""The forms of the pages."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from gamification.services import ProfileSummary

#: A choice of a select, or a group of them with its name.
Choices = list[tuple[str, str | list[tuple[str, str]]]]

CELEBRATION_MODES = [
    ("all", _("All of them")),
    ("quiet", _("Quiet: without motion")),
    ("none", _("None")),
]


@cache
def zone_choices() -> Choices:
    """Return UTC, and each region with its IANA zones."""
    names = sorted(name for name in available_timezones() if "/" in name)
    choices: Choices = [("UTC", "UTC")]
    for region, zones in groupby(names, lambda name: name.partition("/")[0]):
        choices.append((region, [(zone, _city(zone)) for zone in zones]))
    return choices


def _city(zone: str) -> str:
    return zone.partition("/")[2].replace("_", " ")


class SettingsForm(forms.Form):
    """The settings that users choose for themselves."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
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
        choices, known = zone_choices(), {"UTC", *available_timezones()}
        is_listed = zone == "UTC" or ("/" in zone and zone in known)
        self.fields["time_zone"].choices = (  # type: ignore[attr-defined]
            choices if is_listed else [(zone, zone), *choices]
        )

    def chosen(self) -> dict[str, Any]:
        """Return what the user changed."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class IdsField(forms.TypedMultipleChoiceField):
    """Ids of rows, which need not exist."""

    def valid_value(self, value: str) -> bool:
        return value.isascii() and value.isdecimal() and len(value) < 20


class SeenForm(forms.Form):
    """Which celebrations were seen."""

    ids = IdsField(coerce=int)
