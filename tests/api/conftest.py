from __future__ import annotations

import pytest
from rest_framework.test import APIClient


@pytest.fixture
def api(user) -> APIClient:
    """A client of ``user``, who is signed in."""
    client = APIClient()
    client.force_authenticate(user)
    return client
