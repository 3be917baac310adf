"""The site's cache, which may be empty, outdated or out of order at any time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def tolerating_errors() -> Iterator[None]:
    """Go on without the cache; errors of caches have nothing in common."""
    try:
        yield
    except Exception:
        logger.exception("The cache cannot be used.")
