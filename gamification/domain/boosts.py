"""Boosts: factors of the XP of activities."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

#: The least and the most that a boost, and all boosts together, may multiply XP by.
MIN_FACTOR: Final = Decimal("0.10")
MAX_FACTOR: Final = Decimal("10.00")
