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
from gamification.components.estimates import format_estimate
from gamification.models import Activity
from gamification.staff import Definition
from gamification.values import (
    BalanceReport,
    SimulatedNumber,
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
    #: Whether the editor has entered another number.
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class TuningRow:
    """A definition with its numbers, and what users earned with it."""

    item: Definition
    cells: Sequence[TuningCell]
    earned: str


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A number as it was, and with today's and with the simulated numbers."""

    name: str
    was: str
    today: str
    proposed: str
    #: Between today's and the simulated numbers.
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
) -> Iterator[ComparisonRow]:
    """Yield a row for each edited source, for further unlocks, and for all XP."""
    was = sum(sum(sources.values()) for sources in report.xp.values())
    changes = [
        (str(item), change)
        for item in items
        if (change := _change_of(item, result)) is not None
    ]
    if any(result.followed):
        changes.append((_("Further achievements"), result.followed))
    yield from (_row(name, *change) for name, change in changes)
    today = was + sum(change.today - change.was for _name, change in changes)
    proposed = was + sum(change.proposed - change.was for _name, change in changes)
    yield _row(_("All XP"), was, today, proposed)


def compare_unlocks(result: Simulation) -> Iterator[ComparisonRow]:
    """Yield a row for each achievement that users would unlock in addition."""
    for each in result.unlocks.values():
        today, proposed = each.today, each.proposed
        yield ComparisonRow(
            each.name,
            "–",
            format_estimate(today),
            format_estimate(proposed),
            signed(proposed.value - today.value),
        )


def _change_of(item: Definition, result: Simulation) -> SimulatedNumber | None:
    is_activity = isinstance(item, Activity)
    changes = result.activities if is_activity else result.achievements
    return changes.get(item.key)


def _row(name: str, was: int, today: int, proposed: int) -> ComparisonRow:
    return ComparisonRow(
        name,
        format_number(was),
        format_number(today),
        format_number(proposed),
        signed(proposed - today),
    )


def _cell(item: Definition, form: TuningForm, column: str) -> TuningCell:
    name, number = f"{name_of(item)}-{column}", getattr(item, column)
    text = "–" if number is None else format_number(number)
    if name not in form.fields:
        return TuningCell(column, None, text)
    field, stored = form[name], "" if number is None else str(number)
    entered = field.value()
    return TuningCell(
        column, field, text, str("" if entered is None else entered) != stored
    )


def _earned(item: Definition, report: BalanceReport) -> str:
    if isinstance(item, Activity):
        source = XPSource("activity", item.pk)
        xp = sum(sources.get(source, 0) for sources in report.xp.values())
        return _("%(xp)s XP") % {"xp": format_number(xp)}
    unlocks = report.unlocks.get(item.pk, UnlockCounts()).recent
    text = ngettext("%(unlocks)s unlock", "%(unlocks)s unlocks", unlocks)
    return text % {"unlocks": format_number(unlocks)}
