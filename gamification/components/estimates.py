"""Numbers that were worked out from a sample of users."""

from __future__ import annotations

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from gamification.values import Estimate


def format_estimate(estimate: Estimate) -> str:
    """Return the number, with its range unless it is exact."""
    value, low, high = (str(number_format(n, force_grouping=True)) for n in estimate)
    if estimate.is_exact:
        return value
    texts = {"value": value, "low": low, "high": high}
    return _("about %(value)s (%(low)s to %(high)s)") % texts
