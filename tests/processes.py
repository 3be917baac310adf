"""Another process of the site, which begins as a server's does."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from django.db import connection


@contextmanager
def another_process() -> Iterator[ProcessPoolExecutor]:
    """Start a process that works on the database of the tests."""
    database = {key: connection.settings_dict[key] for key in ("NAME", "HOST", "PORT")}
    with ProcessPoolExecutor(
        1,
        multiprocessing.get_context("spawn"),
        initializer=_set_up,
        initargs=(database,),
    ) as pool:
        yield pool


def _set_up(database: dict[str, str]) -> None:
    import django

    django.setup()
    connection.settings_dict.update(database)
