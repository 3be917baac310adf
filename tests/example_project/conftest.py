from __future__ import annotations

import pytest
from django.test import Client

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
