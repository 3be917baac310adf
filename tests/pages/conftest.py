from __future__ import annotations

import pytest
from django.test import Client


@pytest.fixture
def site(user) -> Client:
    """A browser in which ``user`` is signed in."""
    client = Client()
    client.force_login(user)
    return client
