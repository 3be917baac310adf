"""A weekend on which everything counts twice, as staff would plan it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from django.utils import timezone

from gamification.models import Boost
from gamification.staff import create_boost

WEEKEND: Final = "double-weekend"
_SATURDAY: Final = 5


def make_boosts() -> None:
    """Plan the next weekend that has not begun anywhere; only once."""
    if Boost.objects.filter(key=WEEKEND).exists():
        return
    # Clocks are at most 14 hours ahead.
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight + timedelta(days=2)
    starts_at = first + timedelta(days=(_SATURDAY - first.weekday()) % 7)
    create_boost(
        actor=None,
        key=WEEKEND,
        name="Double weekend",
        description="Everything counts twice, on your own clock.",
        factor=Decimal(2),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(days=2),
    )
