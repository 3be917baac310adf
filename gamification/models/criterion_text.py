"""Describes in words how users earn an achievement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from gamification.domain.catalogue import Criterion
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

#: Sentences, for staff who choose a criterion.
_LONG: Final[Mapping[str, Any]] = {
    Criterion.ACTIVITY_COUNT: ngettext_lazy(
        "Users earn it when they have done “%(activity)s” %(number)s time.",
        "Users earn it when they have done “%(activity)s” %(number)s times.",
        "count",
    ),
    Criterion.ACTIVE_DAYS: ngettext_lazy(
        "Users earn it when they have been active on %(number)s day.",
        "Users earn it when they have been active on %(number)s days, in a row or not.",
        "count",
    ),
    Criterion.LONGEST_STREAK: ngettext_lazy(
        "Users earn it when they have been active on %(number)s day.",
        "Users earn it when they have been active on %(number)s days in a row.",
        "count",
    ),
    Criterion.LEVEL: _("Users earn it when they reach level %(number)s."),
    Criterion.TOTAL_XP: _("Users earn it when they have %(number)s XP in all."),
    Criterion.ACHIEVEMENTS: ngettext_lazy(
        "Users earn it when they hold %(number)s achievement.",
        "Users earn it when they hold %(number)s achievements.",
        "count",
    ),
    Criterion.MANUAL: _("Nobody earns it; staff award it by hand."),
}

#: The sentences about streaks that count weeks or months.
_LONG_RUNS: Final[Mapping[str, Any]] = {
    StreakUnit.WEEK: ngettext_lazy(
        "Users earn it when they reach the goal of %(number)s week.",
        "Users earn it when they reach the goal of %(number)s weeks in a row.",
        "count",
    ),
    StreakUnit.MONTH: ngettext_lazy(
        "Users earn it when they reach the goal of %(number)s month.",
        "Users earn it when they reach the goal of %(number)s months in a row.",
        "count",
    ),
}


def criterion_text(
    criterion: str, threshold: int, activity: str = "", unit: str = ""
) -> str:
    """Return the requirement, such as “50 × KPI completed” or “streak of 7 days”.

    ``unit`` is that of the streak that is measured.
    """
    return _say(_SHORT_RUNS.get(unit, _SHORT[criterion]), threshold, activity)


def criterion_sentence(
    criterion: str, threshold: int, activity: str = "", unit: str = ""
) -> str:
    """Return the requirement as a sentence, for staff who choose it."""
    return _say(_LONG_RUNS.get(unit, _LONG[criterion]), threshold, activity)


def _say(text: Any, threshold: int, activity: str) -> str:
    number = number_format(threshold, force_grouping=True)
    values = {"count": threshold, "number": number, "activity": activity}
    return str(text % values)
