from __future__ import annotations

import pytest

from gamification.models import Restriction
from tests.inspection import violates

pytestmark = pytest.mark.django_db


def test_a_user_has_one_open_restriction_of_a_kind(user):
    first = Restriction.objects.create(user=user, kind="exclusion", reason="Odd.")

    again = Restriction(user=user, kind="exclusion", reason="Odder.")

    assert violates("gamification_restriction_once", again.save)
    assert str(first).startswith(f"{user} · excluded")
