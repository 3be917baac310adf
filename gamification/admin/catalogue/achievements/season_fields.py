"""The times of a season in a form, as clocks in its zone show them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from gamification.admin.catalogue.definition_forms import DefinitionForm
from gamification.components.zones import ZoneSelect
from gamification.models import in_zone
from gamification.staff import time_zones

#: The format that browsers send, with seconds only where they are given.
_FORMAT: Final = "%Y-%m-%dT%H:%M"
_FORMATS: Final = (_FORMAT, f"{_FORMAT}:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


def _zones() -> list[tuple[str, Any]]:
    return [("", _("Each user")), *((name, name) for name in sorted(time_zones()))]


def zone_named(name: str) -> tzinfo:
    """Return the zone in which a form shows times; UTC stands for users' own clocks."""
    return ZoneInfo(name) if name in time_zones() else UTC


class SeasonTimeField(forms.DateTimeField):
    """A time of a season, as clocks in ``zone`` show it."""

    #: Set by ``SeasonForm``.
    zone: tzinfo = UTC

    def __init__(self, **options: Any) -> None:
        widget = forms.DateTimeInput(format=_FORMAT, attrs={"type": "datetime-local"})
        super().__init__(required=False, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return in_zone(value, self.zone).strftime(_FORMAT)
        return value

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        for each in _FORMATS:
            with suppress(ValueError, OverflowError):
                shown = datetime.strptime(str(value), each)  # noqa: DTZ007 - see below
                return shown.replace(tzinfo=self.zone).astimezone(UTC)
        raise forms.ValidationError(self.error_messages["invalid"], code="invalid")


class SeasonForm(DefinitionForm):
    """The part of a form that is about a season."""

    starts_at = SeasonTimeField(
        label=_("Starts at"),
        help_text=_("Earlier records do not count. Empty means no start."),
    )
    ends_at = SeasonTimeField(
        label=_("Ends at"),
        help_text=_("Records from this time on do not count. Empty means no end."),
    )
    season_zone = forms.ChoiceField(
        label=_("On the clock of"),
        widget=ZoneSelect,
        required=False,
        choices=_zones,
        help_text=_("Each user’s own clock, or that of a time zone for everybody."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.instance.season_zone
        if self.is_bound:
            name = self.data.get(self.add_prefix("season_zone"), "")
        for field in self.fields.values():
            if isinstance(field, SeasonTimeField):
                field.zone = zone_named(name)

    @property
    def changed_data(self) -> list[str]:
        """The fields that changed: with the zone, the times change too."""
        changed = super().changed_data
        times = ("starts_at", "ends_at") if "season_zone" in changed else ()
        return [*changed, *(name for name in times if name not in changed)]
