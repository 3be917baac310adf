"""Limits on how often a user may send requests."""

from __future__ import annotations

import logging
from contextlib import suppress
from time import time
from typing import Any

from django.core.cache import DEFAULT_CACHE_ALIAS, cache, caches
from django.core.cache.backends.base import BaseCache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from gamification.api.operations import spec_of
from gamification.conf import conf
from gamification.staff import fingerprint

logger = logging.getLogger(__name__)


class ScopeThrottle(BaseThrottle):
    """Counts a user's requests for each scope in fixed windows of time.

    A window is a second, minute, hour or day of the clock. Its number is part of the
    cache key, so the cached value is a plain count that the cache can increment.
    """

    _remaining = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        spec = spec_of(view)
        limit = conf.limit(spec.scope) if spec else None
        if spec is None or limit is None:
            return True
        allowed, seconds = limit
        window, elapsed = divmod(time(), seconds)
        self._remaining = seconds - elapsed
        # The key may be a text, and memcached refuses spaces and long texts.
        user = fingerprint(str(request.user.pk))
        key = f"gamification:throttle:{spec.scope}:{user}:{window:.0f}"
        return _count(key, 2 * seconds) <= allowed

    def wait(self) -> float:
        """Return the seconds until the window ends."""
        return self._remaining


def _count(key: str, seconds: int) -> int:
    """Count one more request and return their number; keep it for ``seconds``."""
    try:
        with suppress(ValueError):
            return _increment(key, seconds)
        # This is the first request, unless another one has been faster.
        return 1 if cache.add(key, 1, seconds) else _increment(key, seconds)
    except Exception:
        # Each cache has its own errors, and none of them should block users.
        logger.warning("The cache failed: requests are not counted.", exc_info=True)
        return 0


def _increment(key: str, seconds: int) -> int:
    """Increment the count, or raise ``ValueError`` if there is none."""
    backend = caches[DEFAULT_CACHE_ALIAS]
    if type(backend).incr is not BaseCache.incr:
        return int(backend.incr(key))
    # Caches in files and databases inherit a method that gives the new value the
    # default timeout of the site, which may be much shorter than the window.
    count = int(backend.get(key, 0)) + 1
    if count == 1:
        raise ValueError
    backend.set(key, count, seconds)
    return count
