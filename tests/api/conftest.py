from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.core.cache import cache
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from tests.api import sample_api as module
from tests.api.dataset import Dataset, make_dataset
from tests.api.sample_api import Sample
from tests.resets import rows_of_a_file

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def server_clock() -> Iterator[time_machine.Coordinates]:
    """Stop the server's clock at ``NOON``; it can be moved."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def nothing_is_counted_yet() -> None:
    """Keep the requests of one test from throttling another."""
    cache.clear()


@pytest.fixture
def api(user) -> APIClient:
    """A client of ``user``, who is signed in."""
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def sample(settings, monkeypatch) -> Sample:
    """Serve the sample API; return what controls and watches its operations."""
    settings.ROOT_URLCONF = module.__name__
    made = Sample()
    monkeypatch.setattr(module, "sample", made)
    return made


@pytest.fixture(scope="module")
def shared_dataset(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Dataset]:
    """Let the tests of a file begin with the same rows, which take long to write."""
    with rows_of_a_file(django_db_blocker):
        yield make_dataset()


@pytest.fixture
def dataset(shared_dataset: Dataset, db: None) -> Dataset:
    """Clients of every kind, and at least one row of every kind."""
    return shared_dataset.copy()
