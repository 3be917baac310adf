from __future__ import annotations

import pytest

from gamification.domain.categories import are_categories, merge_categories

OWN = ["exploration", "milestones", "streaks", "mastery"]


def keys(site):
    return [category.key for category in merge_categories(site)]


def test_a_site_without_its_own_has_four():
    assert keys({}) == OWN


def test_a_category_of_the_site_comes_last():
    [*_, last] = merge_categories({"habits": {"name": "habits", "icon": "sprout"}})

    assert (last.key, last.name, last.icon) == ("habits", "habits", "sprout")


def test_an_order_puts_it_first():
    assert keys({"habits": {"order": -1}}) == ["habits", *OWN]


def test_a_category_may_be_called_otherwise():
    [first, *_] = merge_categories({"exploration": {"name": "discoveries"}})

    assert (first.key, first.name, first.order) == ("exploration", "discoveries", 0)


def test_all_may_be_replaced():
    assert keys(dict.fromkeys(OWN) | {"habits": {}}) == ["habits"]


@pytest.mark.parametrize(
    "value",
    [{}, {"habits": {}}, {"habits": {"name": "h", "icon": "", "order": 3}}],
)
def test_what_can_be_used(value):
    assert are_categories(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        ["habits"],
        {1: {}},
        {"": {}},
        {"x" * 21: {}},
        {"ha bits": {}},
        {"habits": "Habits"},
        {"habits": {"label": "Habits"}},
        {"habits": {"order": "1"}},
        {"habits": {"icon": None}},
        dict.fromkeys(OWN),
    ],
)
def test_what_cannot_be_used(value):
    assert not are_categories(value)
