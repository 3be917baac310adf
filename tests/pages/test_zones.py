from __future__ import annotations

import pytest
from django.forms import Select
from pytest_django.asserts import assertHTMLEqual

from gamification.components.zones import ZoneSelect

CHOICES = [
    ("", "Each user"),
    ("UTC", "UTC"),
    ("Asia", [("Asia/Tokyo", "Tokyo"), ("Asia/'<", "'<")]),
]


@pytest.mark.parametrize("chosen", [None, "", "UTC", "Asia/Tokyo", "Asia/'<", "x"])
def test_zones_are_offered_as_by_any_select(chosen):
    own, usual = (
        widget(attrs={"class": "wide"}, choices=CHOICES).render(
            "zone", chosen, {"id": "id_zone", "required": True, "disabled": False}
        )
        for widget in (ZoneSelect, Select)
    )

    assertHTMLEqual(own, usual)
