from __future__ import annotations

import json
import re
from html import unescape
from types import ModuleType

import pytest
from django.test import override_settings

from gamification.models import Celebration, Level
from gamification.services import (
    acknowledge_celebrations,
    adjust_xp,
    award_achievement,
    revoke_achievement,
    set_celebration_mode,
)
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

TAG = "{% gamification_celebrations %}"


def waiting(html: str) -> list[dict]:
    """Return what the element reads of the list."""
    found = re.findall(r'data-celebration="(.*?)"', html)
    return [json.loads(unescape(text)) for text in found]


def attribute(html: str, name: str) -> str:
    element = re.search(r"<gamification-celebrations[^>]*>", html)[0]
    return unescape(re.search(rf' {name}="(.*?)"', element)[1])


@pytest.fixture
def winner(user):
    """A user for whom an unlock and a level wait."""
    award_achievement(user, "kpi_10")
    return user


def test_they_are_listed_with_a_button_each(render, winner):
    html = render(TAG, visitor=winner)

    assert "<strong>Ten done</strong>" in html
    ids = [str(each.pk) for each in Celebration.objects.order_by("id")]
    assert re.findall(r'name="ids" value="(\d+)">Seen<', html) == ids
    assert html.count('<form method="post" action="/game/celebrations/seen/">') == 2


def test_the_button_leads_back_to_the_page(render, winner):
    html = render(TAG, visitor=winner)

    assert '<input type="hidden" name="next" value="/here/?a=1">' in html
    assert html.count('name="csrfmiddlewaretoken"') == 2


def test_the_element_reads_what_the_api_says(render, winner, client):
    client.force_login(winner)
    answered = client.get("/api/gamification/v1/me/celebrations/").json()["results"]

    shown = waiting(render(TAG, visitor=winner))

    assert [each["id"] for each in shown] == [each["id"] for each in answered]
    assert [each["kind"] for each in shown] == ["achievement", "level"]
    assert answered[0]["data"].items() <= shown[0]["data"].items()


def test_the_element_gets_the_address_of_the_badge(render, winner):
    [unlock, _] = waiting(render(TAG, visitor=winner))

    assert unlock["data"]["icon_url"] == "/static/gamification/badges/medal-bronze.svg"


def test_an_emoji_has_no_address(render, winner):
    unlocks = Celebration.objects.filter(kind="achievement")
    unlocks.update(data={"icon": "🥉", "name": "Ten", "xp": 5})

    [unlock, _] = waiting(render(TAG, visitor=winner))

    assert "icon_url" not in unlock["data"]


def test_the_element_knows_where_everything_is(render, winner):
    html = render(TAG, visitor=winner)

    assert attribute(html, "src") == "/api/gamification/v1/me/celebrations/"
    assert attribute(html, "badges") == "/game/badges/"
    assert attribute(html, "more-href") == "/game/achievements/"
    assert len(attribute(html, "data-csrf-token")) == 64
    assert attribute(html, "data-csrf-header") == "X-Csrftoken"


def test_the_element_knows_the_header_of_the_site(render, winner, settings):
    settings.CSRF_HEADER_NAME = "HTTP_X_XSRF_TOKEN"

    html = render(TAG, visitor=winner)

    assert attribute(html, "data-csrf-header") == "X-Xsrf-Token"


def test_the_element_speaks_the_language_of_the_page(render, winner):
    words = json.loads(attribute(render(TAG, visitor=winner), "data-words"))

    assert words["close"] == "Close: {title}"
    assert words["levels"] == "You rose from level {from}, past {between}."


def test_the_place_of_the_show_is_there_before_it_begins(render, user):
    html = render(TAG, visitor=user)

    assert 'aria-live="polite"' in html
    assert "<div data-gamification-list></div>" in html


def test_what_was_seen_is_not_listed(render, winner):
    ids = [each.pk for each in Celebration.objects.all()]
    acknowledge_celebrations(winner, ids=ids)

    assert waiting(render(TAG, visitor=winner)) == []


def test_those_of_others_are_not_listed(render, winner):
    assert waiting(render(TAG, visitor=UserFactory())) == []


def test_names_are_text(render, winner):
    unlocks = Celebration.objects.filter(kind="achievement")
    unlocks.update(data={"name": '"><script>', "icon": "<b>", "xp": 1})

    assert "<script" not in render(TAG, visitor=winner)
    assert "<b>" not in render(TAG, visitor=winner)


def test_a_site_without_the_addresses_has_the_list_alone(render, winner):
    bare = ModuleType("bare")
    bare.urlpatterns = []

    with override_settings(ROOT_URLCONF=bare):
        html = render(TAG, visitor=winner)

    assert "<strong>Ten done</strong>" in html
    assert "<gamification-celebrations" not in html
    assert "<form" not in html


def test_the_list_says_in_words_what_happened(render, winner):
    html = render(TAG, visitor=winner)

    assert ">You unlocked “Ten done” and earned 50 XP.</p>" in html
    assert ">You reached level 2.</p>" in html


@pytest.mark.parametrize(("mode", "count"), [("all", 2), ("quiet", 2), ("none", 0)])
def test_users_are_celebrated_as_they_chose(render, winner, mode, count):
    set_celebration_mode(winner, mode=mode)

    html = render(TAG, visitor=winner)

    assert attribute(html, "mode") == mode
    assert len(waiting(html)) == count


def test_what_was_lost_is_not_celebrated(render, winner, staff):
    revoke_achievement(winner, "kpi_10", actor=staff, reason="A mistake.")

    assert waiting(render(TAG, visitor=winner)) == []


def test_who_did_nothing_yet_wants_all(render, user):
    assert attribute(render(TAG, visitor=user), "mode") == "all"


@pytest.mark.parametrize("count", [0, 5])
def test_it_takes_one_query(render, user, django_assert_num_queries, count):
    keys = ["kpi_10", "kpi_50", "kpi_100", "streak_7", "streak_30"]
    for key in keys[:count]:
        award_achievement(user, key)

    with django_assert_num_queries(1):
        html = render(TAG, visitor=user)

    assert len(waiting(html)) >= count


def test_a_level_is_celebrated_by_its_name_with_its_icon(render, user):
    names = {"name": "Explorer", "icon": "🧭"}
    for number, threshold in ((1, 0), (2, 30)):
        Level.objects.create(number=number, threshold=threshold, **names)
    adjust_xp(user, amount=30, note="Welcome.")

    html = render(TAG, visitor=user)

    [shown] = waiting(html)
    assert "<strong>Level 2 · Explorer</strong>" in html
    assert shown["title"] == "Level 2 · Explorer"
    assert "🧭</span>" in html
