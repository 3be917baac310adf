"""Describes in words which records count, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from gamification.domain.conditions import (
    AttributeValue,
    Comparison,
    Counting,
    DateWindow,
    Operator,
    Quantity,
)

#: A text that cannot be taken for a part of the sentence around it.
_PLAIN: Final = re.compile(r"(?!(?:or|and|in|at|with|within)\Z)[\w-]+")

_COMPARED: Final[Mapping[str, Any]] = {
    Operator.IS: gettext_lazy("%(attribute)s %(value)s"),
    Operator.IN: gettext_lazy("%(attribute)s %(value)s"),
    Operator.AT_LEAST: gettext_lazy("%(attribute)s at least %(value)s"),
    Operator.AT_MOST: gettext_lazy("%(attribute)s at most %(value)s"),
}


def which_records(counting: Counting) -> str:
    """Return which records count and when, such as “ with genre fantasy in June 2026”.

    It begins with a space, or is empty if all records count.
    """
    return filter_text(counting.where) + window_text(counting.window)


def filter_text(where: Sequence[Comparison]) -> str:
    """Return “ with genre fantasy or horror”; "" if all records count."""
    if not where:
        return ""
    compared = _(", and ").join(map(_comparison, where))
    return _(" with %(filter)s") % {"filter": compared}


def window_text(window: DateWindow | None) -> str:
    """Return “ in June 2026” or “ within 7 consecutive days”; "" for any time."""
    if window is None:
        return ""
    if window.days:
        text = ngettext(
            " on a single day", " within %(days)s consecutive days", window.days
        )
        return text % {"days": window.days}
    if window.since is None:
        values = {"date": _date(window.until)}
        return _(" before %(date)s") % values
    if window.until is None:
        return _(" since %(date)s") % {"date": _date(window.since)}
    return _between(window.since, window.until)


def attribute_text(attribute: str) -> str:
    """Return the name of an attribute as people read it."""
    return attribute.replace("_", " ")


def counting_text(counting: Counting) -> str:
    """Return a way of counting by itself, such as “sum of pages, in June 2026”."""
    sums = {
        Quantity.SUM: _("sum of %(attribute)s"),
        Quantity.DISTINCT: _("different values of %(attribute)s"),
    }
    values = {"attribute": attribute_text(counting.attribute)}
    parts = [
        sums.get(Quantity(counting.quantity), "") % values,
        filter_text(counting.where).strip(),
        window_text(counting.window).strip(),
    ]
    return ", ".join(filter(None, parts))


def listed(items: Sequence[str], word: str) -> str:
    """Return “a”, “a or b”, or “a, b, or c”, with the given word."""
    if len(items) < 3:
        return f" {word} ".join(items)
    *others, last = items
    return f"{', '.join(others)}, {word} {last}"


def _between(since: date, until: date) -> str:
    last = until - timedelta(days=1)
    if since == last:
        return _(" on %(date)s") % {"date": _date(since)}
    if since.day == until.day == 1 and (last.year, last.month) == since.timetuple()[:2]:
        month = date_format(since, "YEAR_MONTH_FORMAT")
        return _(" in %(month)s") % {"month": month}
    year = (since.year, 1, 1), (since.year + 1, 1, 1)
    if (since.timetuple()[:3], until.timetuple()[:3]) == year:
        return _(" in %(year)s") % {"year": since.year}
    values = {"first": _date(since), "last": _date(last)}
    return _(" from %(first)s to %(last)s") % values


def _date(day: date | None) -> str:
    return date_format(day, "DATE_FORMAT") if day else ""


def _comparison(comparison: Comparison) -> str:
    value = comparison.value
    values = value if isinstance(value, tuple) else (value,)
    text = listed([_value(each) for each in values], _("or"))
    given = {"attribute": attribute_text(comparison.attribute), "value": text}
    return str(_COMPARED[comparison.operator] % given)


def _value(value: AttributeValue) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int):
        return number_format(value, force_grouping=True)
    return value if _PLAIN.fullmatch(value) else f"“{value}”"
