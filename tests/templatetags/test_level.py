from __future__ import annotations

import pytest
from django.utils import translation

from gamification.services import record_activity
from gamification.staff import LevelRule, get_levels, save_levels

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

TAG = "{% gamification_level user %}"


@pytest.fixture
def walker(user, activity):
    """A user with 1,840 XP; level 9 begins at 1,800 and level 10 at 2,250."""
    record_activity(user, "walk", quantity=184)
    return user


def test_the_level_is_said_with_the_way_to_the_next(render, walker):
    html = render(TAG, user=walker)

    assert ">Level 9</h2>" in html
    assert ">1,840 XP</span>" in html
    assert ">410 XP to level 10</label>" in html


def test_the_bar_is_full_by_the_share_of_the_way(render, walker):
    html = render(TAG, user=walker)

    assert f'max="1" value="{40 / 450}"' in html
    assert '<progress class="gamification-bar" id="gamification-level-bar-1"' in html
    assert '<label class="gamification-muted" for="gamification-level-bar-1"' in html


def test_the_highest_level_is_full_and_has_no_next_one(render, walker, settings):
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 100)}

    html = render(TAG, user=walker)

    assert 'max="1" value="1.0"' in html
    assert ">The highest level</label>" in html
    assert "to level" not in html


def test_a_new_user_is_on_level_1(render, user):
    html = render(TAG, user=user)

    assert ">Level 1</h2>" in html
    assert ">50 XP to level 2</label>" in html


def test_the_numbers_of_the_bar_are_those_of_html(render, walker, settings):
    settings.LANGUAGE_CODE = "de"

    html = render(TAG, user=walker)

    assert f'value="{40 / 450}"' in html
    assert ">1.840 XP</span>" in html


def test_it_takes_one_query(render, walker, django_assert_num_queries):
    with django_assert_num_queries(1):
        render(TAG, user=walker)


def test_two_of_a_page_have_ids_of_their_own(render, user):
    html = render(TAG * 2, user=user)

    assert html.count('id="gamification-level-1"') == 1
    assert html.count('id="gamification-level-2"') == 1


@pytest.fixture
def explorer(walker):
    """The same user, on a level with a name."""
    levels = [*get_levels()]
    levels[8] = LevelRule(9, 1_800, "Explorer", "🧭", {"de": "Entdecker"})
    save_levels(levels, actor=None, expected=None)
    return walker


def test_a_level_is_called_by_its_name_with_its_icon(render, explorer):
    html = render(TAG, user=explorer)

    assert ">Level 9 · Explorer</h2>" in html
    assert '<span class="gamification-badge" aria-hidden="true">🧭</span>' in html


def test_the_name_is_in_the_language_of_the_page(render, explorer):
    with translation.override("de"):
        html = render(TAG, user=explorer)

    assert "Entdecker</h2>" in html


def test_names_take_no_query_more(render, explorer, django_assert_num_queries):
    with django_assert_num_queries(1):
        render(TAG, user=explorer)
