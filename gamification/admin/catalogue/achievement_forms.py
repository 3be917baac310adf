"""Forms of achievements, and the sentence that explains a criterion."""

from __future__ import annotations

import json
from typing import Any, Final

from django.utils.datastructures import MultiValueDict
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from gamification.admin.catalogue.achievement_filters import series_names
from gamification.admin.catalogue.badge_picker import IconField
from gamification.admin.catalogue.definition_forms import (
    DefinitionForm,
    DefinitionRowForm,
)
from gamification.admin.catalogue.season_fields import SeasonForm
from gamification.admin.concurrent_forms import replace_data
from gamification.models import Achievement, Activity, StreakDefinition
from gamification.staff import definition_problems, reach_problem

_ICON: Final = Achievement._meta.get_field("icon")
#: The fields that say when users can earn an achievement, and how often.
TIMING: Final = (
    *("max_times", "repeat_every", "repeat_period"),
    *("starts_at", "ends_at", "season_zone"),
)
#: What the form calls the fields of repeats.
_LABELS: Final = {
    "max_times": _("How often can a user earn it?"),
    "repeat_every": _("Again after every … more"),
    "repeat_period": _("Or once in each"),
    "shown_outside_season": _("Show it before and after"),
}
_CRITERIA: Final = [*dict(Achievement.criterion.field.flatchoices)]


class AchievementForm(SeasonForm):
    """The form of one achievement. A script shows the fields its criterion needs."""

    icon = IconField(
        label=capfirst(_ICON.verbose_name),
        required=False,
        max_length=_ICON.max_length,
    )

    class Media:
        css = {"all": ["gamification/catalogue.css"]}  # noqa: RUF012
        js = ("gamification/achievement_form.js",)

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

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        # The upload is stored by now. If the form is shown again, it is preselected.
        if self.files and "icon" in self.cleaned_data:
            replace_data(self, {self.add_prefix("icon"): self.cleaned_data["icon"]})
            self.files = MultiValueDict()
        return cleaned

    def full_clean(self) -> None:
        super().full_clean()
        report_problems(self)


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
            return ["activity", "threshold"]
        case "longest_streak":
            return ["streak", "threshold"]
    return ["threshold"]


def sentence_for(
    criterion: str | None,
    threshold: int | None,
    activity: Activity | None,
    streak: StreakDefinition | None,
    **timing: Any,
) -> str:
    """Return sentences that explain the criterion, or "" if it is incomplete.

    ``timing`` has the values of ``TIMING``. A warning follows if nobody can ever meet
    the criterion.
    """
    given = {"threshold": threshold, "activity": activity, "streak": streak}
    if criterion is None or criterion not in _CRITERIA:
        return ""
    needed = fields_for(criterion)
    if any(given[name] is None for name in needed if name != "streak"):
        return ""
    known = {name: given[name] for name in needed if given[name] is not None}
    achievement = Achievement(criterion=criterion, **known)
    given = {name: value for name, value in timing.items() if value is not None}
    more = Achievement(**{"max_times": timing.get("max_times"), **given})
    sentences = (
        achievement.criterion_sentence,
        more.timing_sentence,
        reach_problem(achievement),
    )
    return " ".join(filter(None, sentences))
