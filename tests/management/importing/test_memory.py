from __future__ import annotations

import gc
import io
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command

from tests.conftest import IS_POSTGRESQL
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


class Endless(io.RawIOBase):
    """A stream that makes up its bytes as they are read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        self._rest = self._rest or next(self._chunks, b"")
        size = min(len(self._rest), len(buffer))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def lines(activity: str, count: int) -> Iterator[bytes]:
    yield b"user,activity,occurred_at,key\n"
    for number in range(count):
        yield f"ada,{activity},2024-03-01T12:00:00Z,{number}\n".encode()


def peak_of(chunks: Iterator[bytes], *options: str) -> int:
    """Return how many bytes an import needs at most."""
    stream = io.TextIOWrapper(io.BufferedReader(Endless(chunks)))
    gc.collect()
    tracemalloc.start()
    with (
        suppress(CommandError),
        mock.patch("sys.stdin", stream),
        Path(os.devnull).open("w") as nowhere,
    ):
        call_command(
            "gamification_import", "-", *options, stdout=nowhere, stderr=nowhere
        )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.usefixtures("activity")
@pytest.mark.parametrize(
    ("name", "few", "many"), [("unknown", 2_000, 5_000), ("walk", 2_000, 3_000)]
)
def test_memory_does_not_grow_with_the_file(name, few, many):
    UserFactory(username="ada")
    options = ("--dry-run", "--batch-size", "100")
    peak_of(lines(name, 200), *options)

    small = peak_of(lines(name, few), *options)
    large = peak_of(lines(name, many), *options)

    assert large < 1.3 * small + 100_000


def new_users(count: int) -> Iterator[bytes]:
    yield b"user,activity,occurred_at\n"
    for number in range(count):
        if number % 200 == 0:
            # What only waits to be collected does not grow with the file.
            gc.collect()
        yield f"user-{number},walk,2024-03-01T12:00:00Z\n".encode()


@pytest.mark.usefixtures("activity")
def test_memory_does_not_grow_with_new_users():
    options = ("--create-users", "--batch-size", "100")
    peak_of(new_users(200), *options)

    small = peak_of(new_users(1_200), *options, "--dry-run")
    large = peak_of(new_users(2_400), *options, "--dry-run")

    assert large < 1.3 * small


@pytest.mark.skipif(not IS_POSTGRESQL, reason="Elsewhere, batches are smaller.")
@pytest.mark.usefixtures("activity")
def test_a_batch_of_the_usual_size_takes_a_few_kilobytes_for_a_new_user():
    options = ("--create-users", "--dry-run")
    peak_of(new_users(200), *options)

    peak = peak_of(new_users(1_200), *options)

    # So a batch of 5,000 takes 30 MB at most, beside the 65 MB of the process.
    assert peak < 1_200 * 6_000


def one_long_row() -> Iterator[bytes]:
    yield b"user,activity,occurred_at,key\n"
    for _ in range(10_000):
        yield b"x" * 1_000
    yield b"\n"


def test_a_row_of_10_mb_is_not_held_in_memory():
    peak_of(lines("walk", 1))

    assert peak_of(one_long_row()) < 1_000_000
