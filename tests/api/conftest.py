from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.core.cache import cache
from django.db import transaction
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from tests.api import sample_api as module
from tests.api.dataset import Dataset, make_dataset
from tests.api.sample_api import Sample

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def server_clock() -> Iterator[time_machine.Coordinates]:
    """Stop the server's clock at ``NOON``; it can be moved."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def nothing_is_counted_yet() -> None:
    """Let no test be throttled for the requests of another."""
    cache.clear()


@pytest.fixture
def api(user) -> APIClient:
    """A client of ``user``, who is signed in."""
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def sample(settings, monkeypatch) -> Sample:
    """Serve the sample API, and return what its operations do and were called with."""
    settings.ROOT_URLCONF = module.__name__
    made = Sample()
    monkeypatch.setattr(module, "sample", made)
    return made


@pytest.fixture(scope="module")
def shared_dataset(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Dataset]:
    """Let the tests of a file begin with the same rows, which take long to write.

    Whatever a test changes is undone after it.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_dataset()
        transaction.set_rollback(True)


@pytest.fixture
def dataset(shared_dataset: Dataset, db: None) -> Dataset:
    """Clients of every kind, and at least one row of every kind."""
    return shared_dataset.copy()
