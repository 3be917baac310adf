"""How often a user may ask."""

from __future__ import annotations

import logging
from contextlib import suppress
from time import time
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from gamification.api.operations import contract_of
from gamification.conf import conf

logger = logging.getLogger(__name__)


class ScopeThrottle(BaseThrottle):
    """Counts a user's requests by the scope of their operation.

    A count begins anew with each second, minute, hour or day of the clock, so that it
    is one number, which the cache counts up by itself.
    """

    _remaining = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        contract = contract_of(view)
        limit = conf.limit(contract.scope) if contract else None
        if contract is None or limit is None:
            return True
        most, seconds = limit
        turn, elapsed = divmod(time(), seconds)
        self._remaining = seconds - elapsed
        name = f"gamification:throttle:{contract.scope}:{request.user.pk}:{turn:.0f}"
        return _count(name, 2 * seconds) <= most

    def wait(self) -> float:
        """Return the seconds until the count begins anew."""
        return self._remaining


def _count(name: str, kept: int) -> int:
    """Return how often ``name`` was counted, this time included."""
    try:
        with suppress(ValueError):
            return int(cache.incr(name))
        # It is the first, unless another was faster.
        return 1 if cache.add(name, 1, kept) else int(cache.incr(name))
    except Exception:
        # Each cache has errors of its own, and none should stop who plays.
        logger.warning("The cache failed: requests are not counted.", exc_info=True)
        return 0
