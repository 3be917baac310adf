from __future__ import annotations

import pytest
from django.template import engines
from django.test import override_settings

from gamification.services import award_achievement

TAGS = [
    "gamification_level user",
    "gamification_streak user",
    "gamification_boosts user",
    "gamification_calendar user",
    "gamification_achievements user",
    "gamification_celebrations",
]


@pytest.mark.parametrize("tag", TAGS)
def test_a_visitor_who_is_not_signed_in_sees_nothing(render, tag):
    assert render("{% " + tag + " %}") == ""


@pytest.mark.django_db
def test_a_page_without_a_request_may_name_its_user(user):
    award_achievement(user, "kpi_10")
    page = engines["django"].from_string(
        "{% load gamification %}{% gamification_celebrations %}"
    )

    html = page.render({"user": user})

    assert "Ten done" in html
    assert 'name="next"' not in html


def test_the_head_links_the_stylesheet_and_the_script(render):
    assert render("{% gamification_head %}") == (
        '<link rel="stylesheet" href="/static/gamification/gamification.css"> '
        '<script type="module" src="/static/gamification/celebrations.js"></script>'
    )


@pytest.mark.django_db
def test_a_site_replaces_a_piece_by_its_own_template(tmp_path, settings, user, render):
    folder = tmp_path / "gamification" / "components"
    folder.mkdir(parents=True)
    (folder / "level.html").write_text("Rank {{ level.level }}")
    [engine] = settings.TEMPLATES

    with override_settings(TEMPLATES=[{**engine, "DIRS": [tmp_path]}]):
        html = render("{% gamification_level user %}", user=user)

    assert html == "Rank 1"
