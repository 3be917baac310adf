"""Numbers of days, weeks or months in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.translation import ngettext_lazy

_WORDS: Final[Mapping[str, Any]] = {
    "day": ngettext_lazy("%(number)s day", "%(number)s days", "count"),
    "week": ngettext_lazy("%(number)s week", "%(number)s weeks", "count"),
    "month": ngettext_lazy("%(number)s month", "%(number)s months", "count"),
}


def format_periods(count: int, unit: str) -> str:
    """Return such as “3 weeks”."""
    number = number_format(count, force_grouping=True)
    return str(_WORDS[unit] % {"count": count, "number": number})
