"""Charts of what users earned, and of the levels that a simulation leads to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Final

from django.utils import formats
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from gamification.admin.ui.charts import COLOURS, Chart
from gamification.admin.ui.formatting import format_number
from gamification.models import Achievement
from gamification.services import EntryKind
from gamification.values import BalanceReport, Simulation, UnlockCounts, XPSource

#: A longer period is drawn by weeks.
_MAX_DATES: Final = 100


def economy_charts(report: BalanceReport, names: Mapping[int, str]) -> Iterator[Chart]:
    """Yield the charts of a period. ``names`` has the names of activities by id."""
    yield _xp_chart(report, names)
    yield Chart(
        "gam-levels",
        _("Users by level"),
        _("users"),
        [*map(str, report.levels)],
        {_("Users"): [*report.levels.values()]},
    )
    yield Chart(
        "gam-days-to-level",
        _("Median days to reach each level"),
        _("days"),
        [*map(str, report.days_to_level)],
        {_("Days"): [*report.days_to_level.values()]},
    )


def levels_chart(simulation: Simulation) -> Chart:
    """Return the chart of users by level, as it was and with other numbers."""
    levels = simulation.levels.values()
    return Chart(
        "gam-forecast",
        _("Users by level, as it was and with other numbers"),
        _("users"),
        [*map(str, simulation.levels)],
        {
            _("As it was"): [each.was for each in levels],
            _("With today's numbers"): [each.today for each in levels],
            _("With these numbers"): [each.proposed for each in levels],
        },
    )


@dataclass(frozen=True, slots=True)
class HoldersRow:
    """An achievement, the number of its holders, and the length of its bar in %."""

    achievement: Achievement
    holders: str
    new_holders: str
    length: int


def holders_table(
    report: BalanceReport, achievements: Mapping[int, Achievement]
) -> list[HoldersRow]:
    """Return a row for each achievement, starting with the most held."""
    unlocks = {pk: report.unlocks.get(pk, UnlockCounts()) for pk in achievements}
    most = max((each.holders for each in unlocks.values()), default=0) or 1
    return [
        HoldersRow(
            achievements[pk],
            format_number(each.holders),
            format_number(each.new_holders),
            round(100 * each.holders / most),
        )
        for pk, each in sorted(unlocks.items(), key=lambda item: -item[1].holders)
    ]


def _xp_chart(report: BalanceReport, names: Mapping[int, str]) -> Chart:
    days = (report.until - report.since).days + 1
    step = 7 if days > _MAX_DATES else 1
    # The last week ends today, so the first one may be shorter.
    places = ceil(days / step)
    begins = [days - step * (places - place) for place in range(places)]
    sums: dict[str, list[int]] = {}
    for day, sources in report.xp.items():
        place = places - 1 - (report.until - day).days // step
        for source, xp in sources.items():
            name = _source_name(source, names)
            sums.setdefault(name, [0] * places)[place] += xp
    return Chart(
        "gam-xp",
        _("XP per week") if step > 1 else _("XP per day"),
        _("XP"),
        [_date_label(report.since + timedelta(days=max(0, day))) for day in begins],
        _largest(sums),
        is_stacked=True,
    )


def _source_name(source: XPSource, names: Mapping[int, str]) -> str:
    if source.activity_id is None:
        return str(capfirst(EntryKind(source.kind).label))
    return names.get(source.activity_id, _("Activities"))


def _date_label(day: date) -> str:
    return formats.date_format(day, "j M")


def _largest(sums: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """Return the series by XP, largest first, with the smallest summed into one."""
    names = sorted(sums, key=lambda name: -sum(sums[name]))
    if len(names) <= COLOURS:
        return {name: sums[name] for name in names}
    shown, others = names[: COLOURS - 1], names[COLOURS - 1 :]
    rest = [
        sum(numbers) for numbers in zip(*map(sums.__getitem__, others), strict=True)
    ]
    return {**{name: sums[name] for name in shown}, _("Others"): rest}
