"""The form of the definition of a streak."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from gamification.admin.catalogue.definition_forms import DefinitionForm
from gamification.admin.concurrent_forms import ListField
from gamification.exceptions import InvalidDefinitionError
from gamification.models import Activity
from gamification.staff import check_streak, lock_streak, preview_streak, streak_tag
from gamification.values import StreakPreview

_WEEKDAYS: Final = [(n + 1, capfirst(name)) for n, name in WEEKDAYS.items()]


class StreakForm(DefinitionForm):
    """The form of one streak, with weekdays and activities as checkboxes."""

    activities = ListField(
        label=_("Activities"),
        help_text=_(
            "Those that extend the streak; none chosen means all that extend streaks."
        ),
    )
    weekdays = ListField(
        label=_("Weekdays"),
        choices=_WEEKDAYS,
        help_text=_(
            "Days that count; the others neither count nor break. None chosen means "
            "every day."
        ),
    )

    first_weekday = forms.TypedChoiceField(
        label=_("First weekday"),
        choices=_WEEKDAYS,
        coerce=int,
        initial=1,
        help_text=_("The day on which weeks begin."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Activity.objects.order_by("name")
        field: Any = self.fields["activities"]
        field.set_choices(rows.values_list("key", "name"))
        # Read-only pages have no such field.
        if "description" in self.fields:
            self.fields["description"].widget.attrs["rows"] = 3

    @staticmethod
    def tag_of(item: Any) -> str:
        return streak_tag(item)

    @staticmethod
    def lock(item: Any) -> Any:
        return lock_streak(item.key)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            check_streak(self.instance)
        except InvalidDefinitionError as error:
            for name, reasons in error.errors.items():
                for _code, text in reasons:
                    self.add_error(name, text)

    def preview(self) -> StreakPreview:
        """Return what the form would change."""
        item = self.instance
        names = {*(self.changed_data if item.pk else self.cleaned_data)}
        changes = {name: self.cleaned_data[name] for name in names - {"key", "tag"}}
        return preview_streak(item.key if item.pk else None, **changes)
