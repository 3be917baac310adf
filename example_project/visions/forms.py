"""What the page's forms take."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from zoneinfo import available_timezones

from django import forms

from example_project.visions.models import TITLE_LENGTH


class TitleForm(forms.Form):
    """The title of a new vision, or of a new KPI."""

    title = forms.CharField(max_length=TITLE_LENGTH)


class IdsField(forms.TypedMultipleChoiceField):
    """Ids of rows, which need not exist."""

    def valid_value(self, value: str) -> bool:
        return value.isascii() and value.isdecimal() and len(value) < 20


class DismissForm(forms.Form):
    """Which celebrations were seen."""

    ids = IdsField(coerce=int)


#: A choice of a select, or a group of them with its name.
Choices = list[tuple[str, str | list[tuple[str, str]]]]


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


class TimeZoneForm(forms.Form):
    """The zone whose dates are the user's days."""

    time_zone = forms.ChoiceField(choices=zone_choices)
