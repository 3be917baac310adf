from __future__ import annotations

import pytest

from gamification.services.levels import editing
from gamification.staff import make_table, save_levels


@pytest.fixture
def two_at_a_time(monkeypatch):
    """Let each step of a job look at two users only."""
    monkeypatch.setattr(editing, "USERS_AT_ONCE", 2)
    monkeypatch.setattr(editing, "LOOKS", 1)


def save(*thresholds, **options):
    """Save levels that begin at ``thresholds``; return the changes."""
    levels = make_table(thresholds, ())
    return save_levels(levels, **{"actor": None, "expected": None} | options)
