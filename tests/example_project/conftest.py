from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client, override_settings

from example_project.visions.demo import stories
from example_project.visions.models import KPI, Vision


@pytest.fixture
def site(user) -> Client:
    """A browser in which ``user`` is signed in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def vision(user) -> Vision:
    return Vision.objects.create(owner=user, title="Sail")


@pytest.fixture
def kpi(vision) -> KPI:
    return KPI.objects.create(vision=vision, title="Tie ten knots")


@contextmanager
def three_people() -> Iterator[Callable[..., str]]:
    """Yield the command, for the visitor and two others."""

    def run(out: StringIO | None = None) -> str:
        out = out or StringIO()
        call_command("demo_data", stdout=out)
        return out.getvalue()

    with override_settings(DEBUG=True), pytest.MonkeyPatch.context() as patch:
        patch.setattr(stories, "CROWD", 2)
        patch.setattr(stories, "HABITS", (stories.newcomer, stories.latecomer))
        yield run


@pytest.fixture
def demo() -> Iterator[Callable[..., str]]:
    with three_people() as run:
        yield run
