"""The form of the page that tunes the game: new numbers, and levels to try."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.ui.formatting import isolated
from gamification.conf import conf
from gamification.exceptions import StaleEditError
from gamification.models import Achievement, Activity
from gamification.staff import (
    ActivityNumbers,
    Definition,
    RewardEdit,
    RewardProposal,
    definition_tag,
    tune_rewards,
)

#: What is tuned of each model, in the order of the columns.
NUMBERS: Final = {
    Activity: ("xp_reward", "daily_limit", "cooldown"),
    Achievement: ("xp_reward",),
}

#: The most levels that can be tried.
MOST_LEVELS: Final = 500


@dataclass(frozen=True, slots=True)
class Edit:
    """What an editor changed of an item, and what they had been shown of it."""

    item: Definition
    tag: str
    numbers: Mapping[str, int | None]

    @property
    def words(self) -> str:
        """Each number as it was and as it is to be."""
        return "; ".join(
            _("%(field)s: %(before)s → %(after)s")
            % {
                "field": label_of(self.item, column),
                "before": _text(getattr(self.item, column)) or "–",
                "after": _text(number) or "–",
            }
            for column, number in self.numbers.items()
        )


class TuningForm(forms.Form):
    """Fields for each of ``items``: those that the editor may change.

    It carries what its editor was shown, so that only what they changed counts, and
    nobody else's change is undone. A page sends three fields for an activity and one
    for an achievement; Django takes a thousand.
    """

    shown = forms.CharField(widget=forms.HiddenInput)
    thresholds = forms.CharField(
        label=gettext_lazy("Level thresholds"),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Total XP at which each level begins: from 0 on, rising. They are for the "
            "what-if alone; the site's settings have them."
        ),
    )

    def __init__(self, items: Iterable[Definition], data: Any = None) -> None:
        super().__init__(data)
        self.items = {name_of(item): item for item in items}
        #: The tag and the numbers of each item, as the editor was shown them.
        self.known = {name: _as_shown(item) for name, item in self.items.items()}
        if data is not None:
            self.known = _read_shown(data.get("shown", ""))
        for name, item in self.items.items():
            # What was added since then is not in what is sent.
            if name in self.known:
                self._add_fields(name, item)
        self.initial["shown"] = _write_shown(self.known)
        self.initial["thresholds"] = ", ".join(map(str, conf.LEVEL_THRESHOLDS))

    def _add_fields(self, name: str, item: Definition) -> None:
        for column in NUMBERS[type(item)]:
            label = {"aria-label": f"{item}: {label_of(item, column)}"}
            self.fields[f"{name}-{column}"] = _field(item, column, label)
            self.initial[f"{name}-{column}"] = getattr(item, column)

    def clean_thresholds(self) -> tuple[int, ...]:
        numbers = re.split(r"[\s,;]+", self.cleaned_data["thresholds"].strip(" ,;()[]"))
        if len(numbers) > MOST_LEVELS:
            message = _("There are more than %(most)s levels.")
            raise forms.ValidationError(message % {"most": MOST_LEVELS})
        if not all(re.fullmatch(r"[0-9]{1,15}", number) for number in numbers):
            raise forms.ValidationError(_("These are not whole numbers with commas."))
        thresholds = tuple(map(int, numbers))
        if thresholds[0] or thresholds != tuple(sorted({*thresholds})):
            raise forms.ValidationError(_("They do not start at 0 and rise."))
        return thresholds

    def clean(self) -> dict[str, Any] | None:
        for name in self.known.keys() - self.items.keys():
            key = name.partition("-")[2]
            self.add_error(None, _("“%(key)s” is no longer there.") % {"key": key})
        return super().clean()

    def edits(self) -> list[Edit]:
        """Return what the editor changed."""
        edits = []
        for name, (tag, *shown) in self.known.items():
            item = self.items[name]
            numbers = {
                column: self.cleaned_data[f"{name}-{column}"]
                for column, before in zip(NUMBERS[type(item)], shown, strict=False)
                if _text(self.cleaned_data[f"{name}-{column}"]) != before
            }
            if numbers:
                edits.append(Edit(item, tag, numbers))
        return edits

    @property
    def tried_thresholds(self) -> tuple[int, ...] | None:
        """Level thresholds that are not those of the settings; None without any."""
        thresholds: tuple[int, ...] = self.cleaned_data["thresholds"]
        return thresholds if thresholds != tuple(conf.LEVEL_THRESHOLDS) else None

    def proposal(self) -> RewardProposal:
        """Return what the editor would like to know the effect of."""
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

    def save(self, actor: Any) -> list[Edit] | None:
        """Save what the editor changed, and return it.

        None, and errors, if somebody else edited some of it meanwhile.
        """
        edits = self.edits()
        tuned = [(e.item, RewardEdit(e.item.key, e.tag, e.numbers)) for e in edits]
        try:
            tune_rewards(
                activities=[each for item, each in tuned if isinstance(item, Activity)],
                achievements=[
                    each for item, each in tuned if isinstance(item, Achievement)
                ],
                actor=actor,
            )
        except StaleEditError as error:
            self._rebase(error.context["items"], edits)
            return None
        return edits

    def _rebase(self, stale: Iterable[Definition], edits: Iterable[Edit]) -> None:
        """Say what others changed of ``stale``, and go on from there.

        What the editor did not touch is taken over; another attempt saves the rest.
        """
        data: Any = self.data
        data = self.data = data.copy()
        touched = {name_of(edit.item): edit.numbers for edit in edits}
        for item in stale:
            name = name_of(item)
            told = [*self._take_over(data, item, touched[name])]
            self.items[name], self.known[name] = item, _as_shown(item)
            headline = _(
                "Somebody else changed “%(name)s” meanwhile. Nothing is saved."
            )
            self.add_error(None, [headline % {"name": isolated(item)}, *told])
        data["shown"] = _write_shown(self.known)

    def _take_over(
        self, data: Any, item: Definition, touched: Mapping[str, int | None]
    ) -> Iterator[str]:
        name = name_of(item)
        before, after = self.known[name][1:], _as_shown(item)[1:]
        for column, old, new in zip(NUMBERS[type(item)], before, after, strict=False):
            values = {"field": label_of(item, column), "theirs": new or "–"}
            if column in touched:
                values["mine"] = _text(touched[column]) or "–"
                yield _("%(field)s: %(theirs)s now; yours is %(mine)s.") % values
            elif new != old:
                data[f"{name}-{column}"] = new
                yield _("%(field)s: %(theirs)s now, which is taken over.") % values


def name_of(item: Definition) -> str:
    """Return what the fields of ``item`` begin with."""
    return f"{item._meta.model_name}-{item.key}"


def label_of(item: Definition, column: str) -> str:
    """Return what a number of ``item`` is called."""
    field: Any = item._meta.get_field(column)
    return str(capfirst(field.verbose_name))


def _field(item: Definition, column: str, attrs: dict[str, str]) -> Any:
    """Return a field that takes what the model takes."""
    field: Any = item._meta.get_field(column)
    bounds = field.validators
    least = [each for each in bounds if isinstance(each, MinValueValidator)]
    most = [each for each in bounds if isinstance(each, MaxValueValidator)]
    return field.formfield(
        widget=forms.NumberInput(attrs=attrs),
        min_value=max(each.limit_value for each in least),
        max_value=min(each.limit_value for each in most),
        help_text="",
    )


def _as_shown(item: Definition) -> list[str]:
    numbers = [_text(getattr(item, column)) for column in NUMBERS[type(item)]]
    return [definition_tag(item), *numbers]


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _write_shown(shown: Mapping[str, Sequence[str]]) -> str:
    return " ".join(f"{name}={','.join(values)}" for name, values in shown.items())


def _read_shown(text: str) -> dict[str, list[str]]:
    parts = [part.partition("=") for part in text.split()]
    return {name: values.split(",") for name, _sign, values in parts}
