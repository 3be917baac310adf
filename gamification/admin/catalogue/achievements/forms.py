"""Forms of achievements, and the sentence that explains a criterion."""

from __future__ import annotations

import json
from typing import Any, Final

from django.forms.utils import ErrorDict
from django.utils.datastructures import MultiValueDict
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from gamification.admin.catalogue.achievements.badge_picker import IconField
from gamification.admin.catalogue.achievements.filters import series_names
from gamification.admin.catalogue.achievements.season_fields import SeasonForm
from gamification.admin.catalogue.definition_forms import (
    DefinitionForm,
    DefinitionRowForm,
)
from gamification.admin.catalogue.rules.drafts import ACTION, counting_json, json_of
from gamification.admin.catalogue.rules.fields import ConditionsField, CountingField
from gamification.admin.concurrent_forms import replace_data
from gamification.models import Achievement
from gamification.models.rules.checks import find_problems, named_now
from gamification.staff import definition_problems, reach_problem

_ICON: Final = Achievement._meta.get_field("icon")
#: The labels of the fields of repeats.
_LABELS: Final = {
    "max_times": _("How often can a user earn it?"),
    "repeat_every": _("Again after every … more"),
    "repeat_period": _("Or once in each"),
    "shown_outside_season": _("Show it before and after"),
}
#: The fields that have rows of their own.
RULE_FIELDS: Final = frozenset({"counting", "conditions"})
_CRITERIA: Final = [*dict(Achievement.criterion.field.flatchoices)]


class AchievementForm(SeasonForm):
    """The form of one achievement. A script shows the fields its criterion needs."""

    icon = IconField(
        label=capfirst(_ICON.verbose_name),
        required=False,
        max_length=_ICON.max_length,
    )

    counting = CountingField(
        label=_("Counted records"),
        help_text=_("Which records count, when and how. Empty means all."),
    )
    conditions = ConditionsField(
        label=_("Further conditions"),
        help_text=_(
            "Users must also meet these. Nobody loses the achievement if they no "
            "longer do."
        ),
    )

    class Media:
        css = {"all": ["gamification/catalogue.css"]}  # noqa: RUF012
        js = ("gamification/achievement_form.js", "gamification/rule_form.js")

    @property
    def is_building(self) -> bool:
        """Whether a button was pressed that only adds or removes rows."""
        return ACTION in self.data

    def is_valid(self) -> bool:
        return super().is_valid() and not self.is_building

    def check_conflict(self, stored: Any) -> None:
        if not self.is_building:
            super().check_conflict(stored)

    def clean_counting(self) -> dict[str, Any]:
        """Return the JSON of what counts."""
        activity = self.cleaned_data.get("activity")
        return counting_json(
            self._draft("counting"), activity.attributes if activity else {}
        )

    def clean_conditions(self) -> dict[str, Any] | None:
        """Return the JSON of the conditions."""
        draft = self._draft("conditions")
        return json_of(draft, named_now().activities if draft["parts"] else {})

    def _draft(self, name: str) -> Any:
        return json.loads(self.cleaned_data[name])

    def full_clean(self) -> None:
        super().full_clean()
        report_problems(self)
        if self.is_building:
            self._errors = ErrorDict(renderer=self.renderer)
        for name in RULE_FIELDS & self.fields.keys():
            self._place_errors(name)

    def _place_errors(self, name: str) -> None:
        """Show what is wrong with a rule beside the rows that it is in."""
        errors = self.errors.as_data().get(name, [])
        places: dict[str, list[str]] = {}
        for error in errors:
            path = getattr(error, "path", name)
            places.setdefault(path, []).extend(error.messages)
        widget: Any = self.fields[name].widget
        widget.problems = places
        if places:
            self.errors[name] = self.error_class(
                [str(_("Correct what is marked below."))], renderer=self.renderer
            )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Read-only pages have no fields.
        if criterion := self.fields.get("criterion"):
            for name, label in _LABELS.items():
                self.fields[name].label = label
            needs = {each: fields_for(each) for each in _CRITERIA}
            criterion.widget.attrs["data-needs"] = json.dumps(needs)
            self.fields["description"].widget.attrs["rows"] = 3
            self.fields["series"].widget.attrs["list"] = "gam-series"
            # Hide the link that deletes the activity: nobody wants that here.
            activity: Any = self.fields["activity"].widget
            activity.can_delete_related = False
            streak: Any = self.fields["streak"]
            streak.widget.can_delete_related = False
            streak.queryset = streak.queryset.exclude(key="daily")
            streak.empty_label = _("Daily streak")

    @property
    def series_names(self) -> list[str]:
        """The series to choose from, or to add another to."""
        return series_names()

    def clean_max_times(self) -> int | None:
        """Return how often users can earn it: once, unless it can be earned again."""
        most: int | None = self.cleaned_data["max_times"]
        repeats = [self["repeat_every"].data, self["repeat_period"].data]
        return most if most is not None or any(repeats) else 1

    def clean(self) -> dict[str, Any] | None:
        # The upload is stored by now. Its name is compared with what others have
        # stored, and preselected if the form is shown again.
        if self.files and "icon" in self.cleaned_data:
            replace_data(self, {self.add_prefix("icon"): self.cleaned_data["icon"]})
            self.files = MultiValueDict()
        return super().clean()


class AchievementRowForm(DefinitionRowForm):
    """The form of one achievement in the list. A script moves the rows."""

    def full_clean(self) -> None:
        super().full_clean()
        report_problems(self)

    class Media:
        css = {"all": ["gamification/catalogue.css"]}  # noqa: RUF012
        js = ("gamification/achievement_list.js",)


def report_problems(form: DefinitionForm | DefinitionRowForm) -> None:
    """Add an error for each value that does not fit the others."""
    if form.errors or not form.is_bound or not form.has_changed():
        return
    for name, message in definition_problems(form.instance):
        form.add_error(name if name in form.fields else None, message)


def fields_for(criterion: str) -> list[str]:
    """Return the names of the fields that ``criterion`` needs."""
    match criterion:
        case "manual":
            return []
        case "activity_count":
            return ["activity", "threshold", "counting", "conditions"]
        case "longest_streak":
            return ["streak", "threshold", "counting", "conditions"]
        case "level":
            return ["threshold", "conditions"]
    return ["threshold", "counting", "conditions"]


def sentence_of(item: Achievement) -> str:
    """Return sentences that explain all that users must meet; "" if it is incomplete.

    A warning follows if nobody can ever meet the criterion.
    """
    if item.criterion not in _CRITERIA:
        return ""
    if ("activity" in fields_for(item.criterion)) != (item.activity is not None):
        return ""
    has_rule = item.counting or item.conditions
    if has_rule and find_problems(item, named_now()).problems:
        return ""
    return f"{item.requirement} {reach_problem(item)}".rstrip()
