"""The site's cache, which may be empty, outdated or broken at any time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def tolerating_errors() -> Iterator[None]:
    """Log any error and go on: the errors of caches have no common base class."""
    try:
        yield
    except Exception:
        logger.exception("The cache cannot be used.")
