"""What coverage measures: imports and the tests themselves, not their fixtures.

Measured code takes twice its time. What fixtures do, and the comparison after each
test, does not show that a line is tested. Tests in the files and folders that the
environment variable ``UNMEASURED`` names are not measured either.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

UNMEASURED = (*os.environ.get("UNMEASURED", "").split(),)

#: Coverage's own function, where it measures.
_trace: Any = None


def pytest_sessionstart(session: pytest.Session) -> None:
    global _trace
    if session.config.getoption("cov_source", None):
        _trace = sys.gettrace()


@contextmanager
def _traced(*, is_on: bool) -> Iterator[None]:
    if _trace is None:
        yield
        return
    before = sys.gettrace()
    sys.settrace(_trace if is_on else None)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, Any, Any]:
    with _traced(is_on=False):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    with _traced(is_on=not item.nodeid.startswith(UNMEASURED)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, Any, Any]:
    with _traced(is_on=False):
        return (yield)
