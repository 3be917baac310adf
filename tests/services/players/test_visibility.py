from __future__ import annotations

from types import SimpleNamespace

import pytest

from gamification.staff import has_all_permissions


@pytest.mark.parametrize(
    ("held", "has_all"), [({"a", "b"}, True), ({"a"}, False), (set(), False)]
)
def test_a_user_model_needs_only_what_the_admin_asks_of_it(held, has_all):
    user = SimpleNamespace(has_perm=held.__contains__)

    assert has_all_permissions(user, ["a", "b"]) is has_all


def test_a_user_model_without_permissions_has_none():
    assert not has_all_permissions(SimpleNamespace(), ["a"])
