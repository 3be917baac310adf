"""The fields in which staff build what an achievement counts, and its conditions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.catalogue.rules.drafts import (
    GROUPS,
    HOLDINGS,
    Draft,
    blank,
    change,
    counting_draft,
    counting_json,
    draft_of,
    json_of,
    kept_filters,
    places,
    read_counting,
    read_group,
)
from gamification.models import Achievement, Activity, StreakDefinition
from gamification.staff import DATED, SPANNED, Criterion, Operator, Quantity

#: The kinds of conditions, in the order in which staff choose.
KINDS: Final = {
    **{each.value: each.label for each in Criterion if each != Criterion.MANUAL},
    "holds": gettext_lazy("holds an achievement"),
    "lacks": gettext_lazy("does not hold an achievement"),
}
GROUP_LABELS: Final = {
    "all": gettext_lazy("all of these"),
    "any": gettext_lazy("any of these"),
    "at_least": gettext_lazy("at least some of these"),
}
#: How deep groups are nested.
_DEPTH: Final = 3


class RuleWidget(forms.Widget):
    """Rows of fields, with buttons that add and remove rows.

    Without scripts, a button sends the form, which is shown again with the other rows.
    """

    use_fieldset = True
    #: Returns the draft that a browser sent, from its data and the field's name.
    read: ClassVar[Any]
    #: Returns the JSON of a draft; raises an error if the value is no draft.
    write: ClassVar[Any]
    #: The problems found, by path.
    problems: Mapping[str, list[str]]

    def __init__(self, attrs: Any = None) -> None:
        super().__init__(attrs)
        self.problems = {}

    def id_for_label(self, id_: str) -> str:
        # The label names the whole group of fields, not one of them.
        return ""

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        # An empty rule sends no field, so missing fields do not mean an omission.
        return False

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        """Return the draft as text.

        After a conflict, the form itself has a whole draft instead of rows.
        """
        with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
            draft = json.loads(data[name])
            type(self).write(draft, {})
            return as_text(draft)
        return as_text(change(type(self).read(data, name), name, data))

    def choices(self) -> dict[str, Any]:
        """Return what the fields offer."""
        activities = [*Activity.objects.order_by("name")]
        return {
            "activities": activities,
            "streaks": StreakDefinition.objects.exclude(key="daily"),
            "achievements": Achievement.objects.order_by("name"),
            "attributes": [*_attributes(activities)],
            "operators": Operator.choices,
            "measures": Quantity.choices,
            "kinds": KINDS.items(),
            "group_kinds": GROUP_LABELS.items(),
        }


class CountingWidget(RuleWidget):
    """The records of an activity that count, and when."""

    template_name = "gamification/admin/rule/own_counting.html"

    read = staticmethod(read_counting)
    write = staticmethod(counting_json)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        draft: Draft = json.loads(value)
        _place(draft, "counting", self.problems)
        shows = {"is_counted": True, "has_dates": True, "has_days": True}
        context = super().get_context(name, None, attrs)
        return (
            context
            | self.choices()
            | {"row": {**draft, **shows, **_named(draft, name)}}
        )


class ConditionsWidget(RuleWidget):
    """A tree of conditions as groups of rows."""

    template_name = "gamification/admin/rule/conditions.html"

    read = staticmethod(read_group)
    write = staticmethod(json_of)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        draft: Draft = json.loads(value)
        for part, path in places(draft):
            _place(part, path, self.problems)
        blanks = [_row(blank(kind), "__name__", 1) for kind in KINDS]
        groups = [_row(blank("any"), "__name__", depth) for depth in range(1, _DEPTH)]
        context = super().get_context(name, None, attrs)
        return (
            context
            | self.choices()
            | {
                "group": _row(draft, name, 0),
                "blanks": blanks,
                "blank_groups": groups,
            }
        )


class RuleField(forms.Field):
    """A rule, whose value is the text of its draft until the form has cleaned it."""

    hidden_widget = forms.HiddenInput
    #: Returns the draft of what is stored.
    draft: ClassVar[Any]

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else as_text(type(self).draft(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.prepare_value(initial) != self.prepare_value(data)

    def readable(self, sent: str) -> str:
        """Return the text that people see for a draft."""
        is_empty = sent in {"", as_text(type(self).draft(None))}
        return "" if is_empty else _("another rule")


class CountingField(RuleField):
    """The records of an activity that count, and when."""

    widget = CountingWidget
    draft = staticmethod(counting_draft)


class ConditionsField(RuleField):
    """A tree of conditions."""

    widget = ConditionsWidget
    draft = staticmethod(draft_of)


def as_text(draft: Draft) -> str:
    """Return a draft as text: equal drafts are equal texts."""
    return json.dumps(draft, sort_keys=True)


def _row(draft: Draft, name: str, depth: int) -> dict[str, Any]:
    """Return a draft with all that its template shows."""
    kind = draft["kind"]
    if kind in GROUPS:
        parts = [
            _row(part, f"{name}-{number}", depth + 1)
            for number, part in enumerate(draft["parts"])
        ]
        nests = depth + 1 < _DEPTH
        return {**draft, "name": name, "parts": parts, "depth": depth, "nests": nests}
    return {
        **draft,
        **_named(draft, name),
        "label": KINDS.get(kind, kind),
        "is_held": kind in HOLDINGS,
        "is_counted": kind == Criterion.ACTIVITY_COUNT,
        "is_streak": kind == Criterion.LONGEST_STREAK,
        "has_dates": kind in DATED,
        "has_days": kind in SPANNED,
    }


def _named(draft: Draft, name: str) -> Draft:
    """Return the name of a row, and its filters with theirs."""
    filters = [
        {**each, "name": f"{name}-where-{number}"}
        for number, each in enumerate(draft.get("where", ()))
    ]
    return {"name": name, "where": filters}


def _place(draft: Draft, path: str, problems: Mapping[str, list[str]]) -> None:
    """Put what is wrong at ``path`` into the draft, and into its filters."""
    filters = {
        f"{path}.where[{index}]": each for index, each in enumerate(_filters(draft))
    }
    at = "of" if draft.get("kind") == "at_least" else draft.get("kind", "")
    for place, texts in problems.items():
        below = place.removeprefix(path).partition("[")[0]
        is_here = place.startswith(path) and place[len(path) :][:1] in {"", "."}
        if place in filters:
            filters[place]["errors"] = texts
        elif is_here and (below != f".{at}" or place == f"{path}.{at}"):
            draft.setdefault("errors", []).extend(texts)


def _filters(draft: Draft) -> Iterable[Draft]:
    return kept_filters(draft) if "where" in draft else ()


def _attributes(activities: Iterable[Activity]) -> Iterable[dict[str, Any]]:
    """Yield each declared attribute with the activities that declare it."""
    declaring: dict[str, list[Activity]] = {}
    for activity in activities:
        for key in activity.attributes:
            declaring.setdefault(key, []).append(activity)
    for key, rows in sorted(declaring.items()):
        names = ", ".join(row.name for row in rows)
        of = " ".join(f"{row.key} {row.pk}" for row in rows)
        yield {"key": key, "label": f"{key} ({names})", "of": of}
