"""What coverage measures: imports and the tests themselves, not their fixtures.

Measured code takes twice its time. What fixtures do, and the comparison after each
test, does not show that a line is tested. Tests in the files and folders that the
environment variable ``UNMEASURED`` names are not measured either.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator
from typing import Any

import pytest

UNMEASURED = (*os.environ.get("UNMEASURED", "").split(),)

#: Coverage's functions for this thread and for new ones, where it measures.
_functions: tuple[Any, Any] = (None, None)


def pytest_collection_finish(session: pytest.Session) -> None:
    global _functions
    if session.config.getoption("cov_source", None):
        _functions = sys.gettrace(), threading.gettrace()
        _trace(None, None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    if not any(_functions) or item.nodeid.startswith(UNMEASURED):
        return (yield)
    _trace(*_functions)
    try:
        return (yield)
    finally:
        _trace(None, None)


def _trace(here: Any, in_threads: Any) -> None:
    sys.settrace(here)
    threading.settrace(in_threads)
