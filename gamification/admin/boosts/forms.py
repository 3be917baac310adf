"""The form of a boost, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.boosts.where import read_where, write_where
from gamification.admin.catalogue.definition_forms import DefinitionForm
from gamification.admin.concurrent_forms import ListField
from gamification.components.zones import ZoneSelect
from gamification.conf import conf
from gamification.exceptions import InvalidDefinitionError
from gamification.models import Activity, in_zone
from gamification.staff import (
    boost_tag,
    check_boost,
    lock_boost,
    preview_boost,
    time_zones,
)
from gamification.values import BoostPreview

#: How browsers send a date and time without a zone.
_WALL_TIME: Final = "%Y-%m-%dT%H:%M"
_TIMES: Final = ("starts_at", "ends_at")


class WallTimeField(forms.Field):
    """A date and time as the boost's own clock shows it."""

    widget = forms.DateTimeInput(
        format=_WALL_TIME, attrs={"type": "datetime-local", "class": "gam-time"}
    )
    hidden_widget = forms.HiddenInput
    #: The zone of the stored boost; empty for each user's own clock.
    zone = ""

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, datetime):
            return value
        zone = ZoneInfo(self.zone) if self.zone else UTC
        return in_zone(value, zone).strftime(_WALL_TIME)

    def to_python(self, value: Any) -> datetime | None:
        text = self.prepare_value(value)
        if text in self.empty_values:
            return None
        try:
            return datetime.fromisoformat(str(text)[:16]).replace(tzinfo=None)
        except ValueError:
            message = _("Enter a date and a time, such as 2026-03-07 08:00.")
            raise forms.ValidationError(message, "invalid") from None


class WhereField(forms.Field):
    """Comparisons that a record must meet, one on each line."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 40})
    hidden_widget = forms.HiddenInput

    def prepare_value(self, value: Any) -> Any:
        return write_where(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> str:
        return str(self.prepare_value(value) or "").replace("\r\n", "\n").strip()


class BoostForm(DefinitionForm):
    """The form of one boost."""

    activities = ListField(
        label=gettext_lazy("Activities"),
        help_text=gettext_lazy("None chosen means all activities."),
    )
    zone = forms.ChoiceField(
        label=gettext_lazy("Clock"),
        widget=ZoneSelect,
        required=False,
        help_text=gettext_lazy("The clock that the two times refer to."),
    )
    starts_at = WallTimeField(label=gettext_lazy("Starts at"))
    ends_at = WallTimeField(
        label=gettext_lazy("Ends at"),
        help_text=gettext_lazy("The first moment that is no longer boosted."),
    )
    where = WhereField(
        label=gettext_lazy("Only records that say"),
        required=False,
        help_text=gettext_lazy(
            "One on each line, such as “genre is fantasy”, “genre in fantasy, horror”, "
            "“pages at_least 100” or “pages at_most 20”. Empty means all records."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Activity.objects.order_by("name")
        self._declared = dict(rows.values_list("key", "attributes"))
        fields: Mapping[str, Any] = self.fields
        # Pages of boosts that have begun have only some of the fields.
        if "activities" in fields:
            fields["activities"].set_choices(rows.values_list("key", "name"))
            own = ("", _("Each user’s own clock"))
            fields["zone"].choices = [own, *((z, z) for z in sorted(time_zones()))]
        # Pages that are read-only have only the fields that are declared above.
        if "description" in fields:
            fields["description"].widget.attrs["rows"] = 3
        if not self.instance.pk:
            self.initial.setdefault("zone", conf.default_calendar.zones[-1].zone)
        for name in _TIMES:
            if name in fields:
                fields[name].zone = self.instance.zone

    @staticmethod
    def tag_of(item: Any) -> str:
        return boost_tag(item)

    @staticmethod
    def lock(item: Any) -> Any:
        return lock_boost(item.key)

    def clean(self) -> dict[str, Any] | None:
        cleaned: dict[str, Any] = super().clean() or {}
        # Only a form that was opened before the boost began sends a factor.
        if "factor" in self.data and "factor" not in self.fields:
            message = _(
                "The boost has begun in the meantime: only its end can be changed now. "
                "Nothing has been saved."
            )
            self.add_error(None, message)
        name = cleaned.get("zone", self.instance.zone)
        zone = ZoneInfo(name) if name else UTC
        for each in _TIMES:
            if isinstance(cleaned.get(each), datetime):
                # A time at the end of the calendar stays as it is, and is then refused
                # by the model.
                cleaned[each] = in_zone(cleaned[each].replace(tzinfo=zone), UTC)
        if "where" in cleaned:
            chosen = cleaned.get("activities") or [*self._declared]
            declared = [self._declared[key] for key in chosen]
            try:
                cleaned["where"] = read_where(cleaned["where"], declared)
            except ValueError as error:
                self.add_error("where", str(error))
        return cleaned

    def values(self) -> dict[str, Any]:
        """Return what the form changes, as the verbs take it."""
        data = self.cleaned_data
        names = {*(self.changed_data if self.instance.pk else data)} & {*data}
        if "zone" in names:
            names |= {*_TIMES}
        values = {name: data[name] for name in names - {"key", "tag"}}
        if values.get("group"):
            values["group"] = values["group"].name
        return values

    def _post_clean(self) -> None:
        item = self.instance
        key, values = item.key, None if self.errors else self.values()
        super()._post_clean()  # type: ignore[misc]
        if self.errors or values is None:
            return
        try:
            check_boost(key if item.pk else None, **values)
        except InvalidDefinitionError as error:
            for name, reasons in error.errors.items():
                for _code, text in reasons:
                    self.add_error(name if name in self.fields else None, text)

    def preview(self) -> BoostPreview:
        """Return what the boost would have given."""
        key = self.instance.key if self.instance.pk else None
        return preview_boost(key, **self.values())
