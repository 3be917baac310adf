"""What coverage measures: imports and the tests themselves, not what is around them.

Measured code takes twice its time. What the collection and fixtures do, and the
comparison after each test, does not show that a line is tested. Tests in the files and
folders that the environment variable ``UNMEASURED`` names are not measured either. A
measured test begins with empty caches, or the order of the tests would decide which of
them reaches a line whose result is kept.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import sys
import threading
from collections.abc import Generator, Iterator
from functools import _lru_cache_wrapper, cache
from typing import Any

import pytest
from django.conf import settings

import gamification
import gamification.domain.zones
import gamification.pages.forms
import tests.admin.conftest  # noqa: F401 - the pages of users

UNMEASURED = (*os.environ.get("UNMEASURED", "").split(),)

#: Coverage's functions for this thread and for new ones, where it measures.
_functions: tuple[Any, Any] = (None, None)

#: The app's functions whose results are kept.
_cached: list[_lru_cache_wrapper[Any]] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    global _functions
    if session.config.getoption("cov_source", None):
        # A process that hands out the tests to others runs none.
        if session.config.getoption("dist", "no") == "no":
            _import_everything()
            _functions = sys.gettrace(), threading.gettrace()
            _cached.extend(_find_cached())
            _look_at_zones_once()
        _trace(None, None)


def _import_everything() -> None:
    for module in pkgutil.walk_packages(gamification.__path__, "gamification."):
        importlib.import_module(module.name)
    # It asks the pages of the admin for their addresses.
    importlib.import_module(settings.ROOT_URLCONF)


def _find_cached() -> Iterator[_lru_cache_wrapper[Any]]:
    for each in gc.get_objects():
        is_cached = isinstance(each, _lru_cache_wrapper)
        if is_cached and each.__module__.startswith("gamification."):
            yield each


def _look_at_zones_once() -> None:
    # They are in six hundred files, and are no result of the app.
    for module in (gamification.domain.zones, gamification.pages.forms):
        module.available_timezones = cache(module.available_timezones)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    if not any(_functions) or item.nodeid.startswith(UNMEASURED):
        return (yield)
    for each in _cached:
        each.cache_clear()
    _trace(*_functions)
    try:
        return (yield)
    finally:
        _trace(None, None)


def _trace(here: Any, in_threads: Any) -> None:
    sys.settrace(here)
    threading.settrace(in_threads)
