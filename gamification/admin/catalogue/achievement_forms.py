"""Forms of achievements, and what their criterion means."""

from __future__ import annotations

import json
from typing import Any, Final

from gamification.admin.catalogue.concurrent_forms import SharedItemForm, SharedRowForm
from gamification.models import Achievement, Activity

_CRITERIA: Final = [*dict(Achievement.criterion.field.flatchoices)]


class AchievementForm(SharedItemForm):
    """The form of one achievement; its script shows what the criterion needs."""

    class Media:
        css = {"all": ["gamification/catalogue.css"]}  # noqa: RUF012
        js = ("gamification/achievement_form.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Who may only look has no fields.
        if criterion := self.fields.get("criterion"):
            needs = {each: needs_of(each) for each in _CRITERIA}
            criterion.widget.attrs["data-needs"] = json.dumps(needs)
            self.fields["description"].widget.attrs["rows"] = 3
            # To delete the activity is not what anybody wants here.
            activity: Any = self.fields["activity"].widget
            activity.can_delete_related = False


class AchievementRowForm(SharedRowForm):
    """The form of an achievement in the list; its script moves rows."""

    class Media:
        css = {"all": ["gamification/catalogue.css"]}  # noqa: RUF012
        js = ("gamification/achievement_list.js",)


def needs_of(criterion: str) -> list[str]:
    """Return the fields that say what exactly ``criterion`` measures."""
    match criterion:
        case "manual":
            return []
        case "activity_count":
            return ["activity", "threshold"]
    return ["threshold"]


def sentence_of(
    criterion: str | None, threshold: int | None, activity: Activity | None
) -> str:
    """Say what is measured; nothing while that is incomplete."""
    given = {"threshold": threshold, "activity": activity}
    if criterion is None or criterion not in _CRITERIA:
        return ""
    if None in map(given.get, needs_of(criterion)):
        return ""
    known = {name: value for name, value in given.items() if value is not None}
    return Achievement(criterion=criterion, **known).criterion_sentence
