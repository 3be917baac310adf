from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import gamification

STATIC = Path(gamification.__file__).parent / "static" / "gamification"


@pytest.mark.parametrize(
    ("name", "most"), [("celebrations.js", 8_000), ("gamification.css", 6_000)]
)
def test_what_every_page_loads_is_small(name, most):
    assert len(gzip.compress((STATIC / name).read_bytes())) < most
