"""What the page that tunes the game shows in tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from django.forms import BoundField
from django.utils.translation import gettext as _

from gamification.admin.balance.tuning_form import NUMBERS, TuningForm, name_of
from gamification.admin.ui.charts import spelled
from gamification.admin.ui.formatting import signed
from gamification.models import Activity
from gamification.staff import (
    BalanceReport,
    Definition,
    Simulation,
    UnlockCounts,
    XPSource,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of an item: to be changed or, without a field, to be read."""

    column: str
    field: BoundField | None
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """An item, with what it gave in the period."""

    item: Definition
    cells: Sequence[Cell]
    gave: str


@dataclass(frozen=True, slots=True)
class Line:
    """XP of a source, as it was and as it would have been."""

    name: str
    before: str
    after: str
    difference: str


def rows_of(
    items: Iterable[Definition], form: TuningForm, report: BalanceReport
) -> list[Row]:
    """Return a row for each item, with the form's fields where it has some."""
    return [
        Row(
            item,
            [*map(partial(_cell, item, form), NUMBERS[type(item)])],
            _gave(item, report),
        )
        for item in items
    ]


def lines_of(
    result: Simulation, items: Iterable[Definition], report: BalanceReport
) -> Iterator[Line]:
    """Yield what each source that is changed would give, and all of them together."""
    before = sum(sum(sources.values()) for sources in report.xp.values())
    after = before
    for item in items:
        is_activity = isinstance(item, Activity)
        changes = result.activities if is_activity else result.achievements
        if change := changes.get(item.key):
            after += change.after - change.before
            yield _line(str(item), change.before, change.after)
    yield _line(_("All XP"), before, after)


def _cell(item: Definition, form: TuningForm, column: str) -> Cell:
    name, number = f"{name_of(item)}-{column}", getattr(item, column)
    field = form[name] if name in form.fields else None
    return Cell(column, field, "–" if number is None else spelled(number))


def _gave(item: Definition, report: BalanceReport) -> str:
    if isinstance(item, Activity):
        source = XPSource("activity", item.pk)
        xp = sum(sources.get(source, 0) for sources in report.xp.values())
        return _("%(xp)s XP") % {"xp": spelled(xp)}
    unlocks = report.unlocks.get(item.pk, UnlockCounts())
    return _("%(unlocks)s unlocks") % {"unlocks": spelled(unlocks.recent)}


def _line(name: str, before: int, after: int) -> Line:
    return Line(name, spelled(before), spelled(after), signed(after - before))
