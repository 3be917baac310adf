"""Describes in words how much of a criterion users need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from gamification.domain.criteria import Criterion
from gamification.domain.streak_rules import StreakUnit

#: Short texts, for a column of a table.
_SHORT: Final[Mapping[str, Any]] = {
    Criterion.ACTIVITY_COUNT: _("%(number)s × %(activity)s"),
    Criterion.ACTIVE_DAYS: ngettext_lazy(
        "%(number)s active day", "%(number)s active days", "count"
    ),
    Criterion.LONGEST_STREAK: ngettext_lazy(
        "streak of %(number)s day", "streak of %(number)s days", "count"
    ),
    Criterion.LEVEL: _("level %(number)s"),
    Criterion.TOTAL_XP: _("%(number)s XP"),
    Criterion.ACHIEVEMENTS: ngettext_lazy(
        "%(number)s achievement held", "%(number)s achievements held", "count"
    ),
    Criterion.MANUAL: _("awarded by hand"),
}

#: The short texts of streaks that count weeks or months.
_SHORT_RUNS: Final[Mapping[str, Any]] = {
    StreakUnit.WEEK: ngettext_lazy(
        "streak of %(number)s week", "streak of %(number)s weeks", "count"
    ),
    StreakUnit.MONTH: ngettext_lazy(
        "streak of %(number)s month", "streak of %(number)s months", "count"
    ),
}

#: Clauses about users that follow “when they”.
_CLAUSES: Final[Mapping[str, Any]] = {
    Criterion.ACTIVITY_COUNT: ngettext_lazy(
        "have done “%(activity)s” %(number)s time",
        "have done “%(activity)s” %(number)s times",
        "count",
    ),
    Criterion.ACTIVE_DAYS: ngettext_lazy(
        "have been active on %(number)s day",
        "have been active on %(number)s days, in a row or not",
        "count",
    ),
    Criterion.LONGEST_STREAK: ngettext_lazy(
        "have been active on %(number)s day",
        "have been active on %(number)s days in a row",
        "count",
    ),
    Criterion.LEVEL: _("reach level %(number)s"),
    Criterion.TOTAL_XP: _("have %(number)s XP in all"),
    Criterion.ACHIEVEMENTS: ngettext_lazy(
        "hold %(number)s achievement", "hold %(number)s achievements", "count"
    ),
}

#: The clauses about streaks that count weeks or months, and about others by name.
_RUN_CLAUSES: Final[Mapping[str, Any]] = {
    StreakUnit.WEEK: ngettext_lazy(
        "reach the goal of %(number)s week",
        "reach the goal of %(number)s weeks in a row",
        "count",
    ),
    StreakUnit.MONTH: ngettext_lazy(
        "reach the goal of %(number)s month",
        "reach the goal of %(number)s months in a row",
        "count",
    ),
}


def criterion_text(
    criterion: str,
    threshold: int,
    activity: str = "",
    unit: str = "",
    streak: str = "",
) -> str:
    """Return the requirement, such as “50 × KPI completed” or “streak of 7 days”.

    ``unit`` and ``streak`` are the unit and name of the streak that is measured, unless
    it is the daily one.
    """
    text = say(_SHORT_RUNS.get(unit, _SHORT[criterion]), threshold, activity=activity)
    return _named(text, streak)


def criterion_clause(
    criterion: str,
    threshold: int,
    activity: str = "",
    unit: str = "",
    streak: str = "",
) -> str:
    """Return what users do or have, such as “reach level 5”, after “when they”."""
    clause = _RUN_CLAUSES.get(unit, _CLAUSES[criterion])
    return _named(say(clause, threshold, activity=activity), streak)


def say(text: Any, threshold: int, **values: str) -> str:
    """Return ``text`` with a number in it."""
    number = number_format(threshold, force_grouping=True)
    return str(text % {"count": threshold, "number": number, **values})


def _named(text: str, streak: str) -> str:
    if not streak:
        return text
    return _now("%(text)s in “%(streak)s”") % {"text": text, "streak": streak}
