"""The tables of the page “XP and levels”."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gamification.admin.balance.tuning_form import NUMBERS, TuningForm, name_of
from gamification.admin.ui.formatting import format_number, signed
from gamification.models import Activity
from gamification.staff import (
    BalanceReport,
    Definition,
    Simulation,
    UnlockCounts,
    XPSource,
)


@dataclass(frozen=True, slots=True)
class TuningCell:
    """A number with the field to edit it, or None if the user may only read it."""

    column: str
    field: BoundField | None
    text: str


@dataclass(frozen=True, slots=True)
class TuningRow:
    """A definition with its numbers, and what users earned with it."""

    item: Definition
    cells: Sequence[TuningCell]
    earned: str


@dataclass(frozen=True, slots=True)
class SourceComparison:
    """The XP of one source, before and after the simulated edit."""

    name: str
    before: str
    after: str
    difference: str


def tuning_rows(
    items: Iterable[Definition], form: TuningForm, report: BalanceReport
) -> list[TuningRow]:
    """Return a row for each item, with the form's fields where there are any."""
    return [
        TuningRow(
            item,
            [*map(partial(_cell, item, form), NUMBERS[type(item)])],
            _earned(item, report),
        )
        for item in items
    ]


def compare_sources(
    result: Simulation, items: Iterable[Definition], report: BalanceReport
) -> Iterator[SourceComparison]:
    """Yield a comparison for each edited source, and one for all XP."""
    before = sum(sum(sources.values()) for sources in report.xp.values())
    after = before
    for item in items:
        is_activity = isinstance(item, Activity)
        changes = result.activities if is_activity else result.achievements
        if change := changes.get(item.key):
            after += change.after - change.before
            yield _comparison(str(item), change.before, change.after)
    yield _comparison(_("All XP"), before, after)


def _cell(item: Definition, form: TuningForm, column: str) -> TuningCell:
    name, number = f"{name_of(item)}-{column}", getattr(item, column)
    field = form[name] if name in form.fields else None
    return TuningCell(column, field, "–" if number is None else format_number(number))


def _earned(item: Definition, report: BalanceReport) -> str:
    if isinstance(item, Activity):
        source = XPSource("activity", item.pk)
        xp = sum(sources.get(source, 0) for sources in report.xp.values())
        return _("%(xp)s XP") % {"xp": format_number(xp)}
    unlocks = report.unlocks.get(item.pk, UnlockCounts()).recent
    text = ngettext("%(unlocks)s unlock", "%(unlocks)s unlocks", unlocks)
    return text % {"unlocks": format_number(unlocks)}


def _comparison(name: str, before: int, after: int) -> SourceComparison:
    return SourceComparison(
        name, format_number(before), format_number(after), signed(after - before)
    )
