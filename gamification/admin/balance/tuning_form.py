"""The form of “XP and levels”: new numbers to simulate or save."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.concurrent_forms import (
    TagField,
    replace_data,
    report_conflict,
)
from gamification.exceptions import StaleEditError
from gamification.models import Achievement, Activity
from gamification.staff import (
    MAX_LEVELS,
    ActivityNumbers,
    Definition,
    RewardEdit,
    RewardProposal,
    definition_tag,
    get_levels,
    log_tuning,
    thresholds_of,
    tune_rewards,
)

#: The columns of each model that can be tuned, in the order of the table.
NUMBERS: Final = {
    Activity: ("xp_reward", "daily_limit", "cooldown"),
    Achievement: ("xp_reward",),
}


@dataclass(frozen=True, slots=True)
class NumberEdit:
    """The numbers of one definition that the editor changed."""

    item: Definition
    #: The tag of the definition as the editor was shown it.
    tag: str
    numbers: Mapping[str, int | None]


class TuningForm(forms.Form):
    """Has a field for each number of ``items``, which the editor may change.

    One hidden field carries the tags and numbers that the editor was shown, so that the
    form saves only what the editor changed, and overwrites nobody's edit. A hidden
    field for each number could exceed the thousand fields that Django accepts. So could
    an unlimited number of ``items``, which is why a page has only some of them.
    """

    shown = TagField()
    thresholds = forms.CharField(
        label=gettext_lazy("Level thresholds"),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "The total XP at which each level begins: 0 first, then increasing. "
            "Used only for the simulation: the page “Levels” has the real ones."
        ),
    )

    def __init__(self, items: Iterable[Definition], data: Any = None) -> None:
        super().__init__(data)
        self.items = {name_of(item): item for item in items}
        #: The tag and the numbers of each item, as the editor was shown them.
        self.known = (
            _parse_shown(data.get("shown", ""))
            if data is not None
            else {name: _as_shown(item) for name, item in self.items.items()}
        )
        for name, item in self.items.items():
            # The submitted page has no fields for items that were added later.
            if name in self.known:
                self._add_fields(name, item)
        self.initial["shown"] = _write_shown(self.known)
        self.today = thresholds_of(get_levels())
        self.initial["thresholds"] = ", ".join(map(str, self.today))

    def _add_fields(self, name: str, item: Definition) -> None:
        for column in NUMBERS[type(item)]:
            label = {"aria-label": f"{item}: {label_of(item, column)}"}
            self.fields[f"{name}-{column}"] = _field(item, column, label)
            self.initial[f"{name}-{column}"] = getattr(item, column)

    def clean_thresholds(self) -> tuple[int, ...]:
        numbers = re.split(r"[\s,;]+", self.cleaned_data["thresholds"].strip(" ,;()[]"))
        if len(numbers) > MAX_LEVELS:
            message = _("Enter at most %(most)s levels.")
            raise forms.ValidationError(message % {"most": MAX_LEVELS})
        if not all(re.fullmatch(r"[0-9]{1,15}", number) for number in numbers):
            message = _("Enter whole numbers, separated by commas.")
            raise forms.ValidationError(message)
        thresholds = tuple(map(int, numbers))
        if thresholds[0] or thresholds != tuple(sorted({*thresholds})):
            message = _("Start with 0, then enter increasing numbers.")
            raise forms.ValidationError(message)
        return thresholds

    def clean(self) -> dict[str, Any] | None:
        for name in self.known.keys() - self.items.keys():
            key = name.partition("-")[2]
            self.add_error(None, _("“%(key)s” no longer exists.") % {"key": key})
        return super().clean()

    def edits(self) -> list[NumberEdit]:
        """Return what the editor changed, less what is stored already.

        A form that is sent twice has nothing more to save.
        """
        edits = []
        for name, (tag, *shown) in self.known.items():
            item = self.items[name]
            numbers = {
                column: number
                for column, before in zip(NUMBERS[type(item)], shown, strict=False)
                if (number := self.cleaned_data[f"{name}-{column}"])
                != getattr(item, column)
                and _text(number) != before
            }
            if numbers:
                edits.append(NumberEdit(item, tag, numbers))
        return edits

    @property
    def tried_thresholds(self) -> tuple[int, ...] | None:
        """The level thresholds to try, or None if they are today's."""
        thresholds: tuple[int, ...] = self.cleaned_data["thresholds"]
        return thresholds if thresholds != self.today else None

    def proposal(self) -> RewardProposal:
        """Return the changed numbers for a simulation."""
        activities, achievements = {}, {}
        for edit in self.edits():
            item, numbers = edit.item, edit.numbers
            reward = numbers.get("xp_reward", item.xp_reward) or 0
            if isinstance(item, Activity):
                limit = numbers.get("daily_limit", item.daily_limit)
                cooldown = numbers.get("cooldown", item.cooldown)
                activities[item.key] = ActivityNumbers(reward, limit, cooldown)
            else:
                achievements[item.key] = reward
        return RewardProposal(activities, achievements, self.tried_thresholds)

    def save(self, actor: Any) -> list[NumberEdit] | None:
        """Save, log and return the edits; return None, with errors, on a conflict."""
        edits = self.edits()
        rewards = [(e.item, RewardEdit(e.item.key, e.tag, e.numbers)) for e in edits]
        try:
            items = tune_rewards(
                activities=[
                    edit for item, edit in rewards if isinstance(item, Activity)
                ],
                achievements=[
                    edit for item, edit in rewards if isinstance(item, Achievement)
                ],
                actor=actor,
            )
        except StaleEditError as error:
            self._rebase(error.context["items"], edits)
            return None
        saved = {name_of(item): item for item in items}
        pairs = [(edit.item, saved[name_of(edit.item)]) for edit in edits]
        log_tuning(pairs, actor=actor)
        return edits

    def _rebase(self, stale: Iterable[Definition], edits: Iterable[NumberEdit]) -> None:
        """Report what others changed, and make that what the editor was shown."""
        touched = {name_of(edit.item): edit.numbers for edit in edits}
        for item in stale:
            name = name_of(item)
            fields = [f"{name}-{column}" for column in NUMBERS[type(item)]]
            shown, stored = self.known[name][1:], _as_shown(item)[1:]
            report_conflict(
                self,
                item,
                shown=dict(zip(fields, shown, strict=False)),
                stored=dict(zip(fields, stored, strict=True)),
                touched={f"{name}-{column}" for column in touched[name]},
            )
            self.items[name], self.known[name] = item, _as_shown(item)
        replace_data(self, {"shown": _write_shown(self.known)})


def name_of(item: Definition) -> str:
    """Return the prefix of the names of the item's fields."""
    return f"{item._meta.model_name}-{item.key}"


def label_of(item: Definition, column: str) -> str:
    """Return the label of a number of ``item``."""
    field: Any = item._meta.get_field(column)
    return str(capfirst(field.verbose_name))


def _field(item: Definition, column: str, attrs: dict[str, str]) -> Any:
    """Return a form field with the limits of the model's field."""
    field: Any = item._meta.get_field(column)
    validators = field.validators
    lowest = [each for each in validators if isinstance(each, MinValueValidator)]
    highest = [each for each in validators if isinstance(each, MaxValueValidator)]
    return field.formfield(
        widget=forms.NumberInput(attrs=attrs),
        min_value=max(each.limit_value for each in lowest),
        max_value=min(each.limit_value for each in highest),
        help_text="",
    )


def _as_shown(item: Definition) -> list[str]:
    """Return the tag and the numbers of ``item``."""
    numbers = [_text(getattr(item, column)) for column in NUMBERS[type(item)]]
    return [definition_tag(item), *numbers]


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _write_shown(shown: Mapping[str, Sequence[str]]) -> str:
    return " ".join(f"{name}={','.join(values)}" for name, values in shown.items())


def _parse_shown(text: str) -> dict[str, list[str]]:
    parts = [part.partition("=") for part in text.split()]
    return {name: values.split(",") for name, _sign, values in parts}
