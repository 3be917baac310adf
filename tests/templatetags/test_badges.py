from __future__ import annotations

from pathlib import Path

import pytest

import gamification
from gamification.components import badges
from gamification.components.badges import Badge, badge_of
from gamification.models import Achievement

BADGES = Path(gamification.__file__).parent / "static" / "gamification" / "badges"
FLAME = "/static/gamification/badges/flame.svg"


@pytest.mark.parametrize("path", sorted(BADGES.glob("*.svg")), ids=lambda p: p.stem)
def test_each_badge_is_found_by_its_name(path):
    address = f"/static/gamification/badges/{path.name}"

    assert badge_of(path.stem) == Badge(image=address)


def test_there_are_enough_badges():
    assert len([*BADGES.glob("*.svg")]) >= 24


@pytest.mark.parametrize("icon", ["", "unknown", "medal_gold", "x" * 50])
def test_a_name_that_no_badge_has_is_a_star(icon):
    assert badge_of(icon) == badge_of("star")


@pytest.mark.parametrize("icon", ["🥇", "é", "../star", "a b", "Star"])
def test_what_is_no_name_is_shown_as_it_is(icon):
    assert badge_of(icon) == Badge(emoji=icon)


@pytest.mark.usefixtures("site_badges")
def test_badges_of_the_site_come_first():
    assert badge_of("boat").image == "/static/visions/badges/boat.svg"
    assert badge_of("flame").image == "/static/visions/badges/flame.svg"
    assert badge_of("star").image == "/static/gamification/badges/star.svg"


def test_badges_are_decoration_for_those_who_listen(render):
    html = render("{% gamification_badge 'star' %}{% gamification_badge '🥇' %}")

    frame = '<span class="gamification-badge" aria-hidden="true">'
    image = '<img src="/static/gamification/badges/star.svg" alt="">'
    assert html == f"{frame}{image}</span>{frame}🥇</span>"


@pytest.mark.django_db
def test_the_seeded_achievements_have_badges_of_their_own():
    icons = Achievement.objects.values_list("icon", flat=True)

    assert len({badge_of(icon).image for icon in icons}) == 11


@pytest.mark.parametrize(
    ("icon", "html"),
    [
        ("", ""),
        ("<b>", '<span class="gam-icon" aria-hidden="true">&lt;b&gt;</span>'),
        ("🥇", '<span class="gam-icon" aria-hidden="true">🥇</span>'),
        (
            "flame",
            f'<img class="gam-icon" src="{FLAME}" alt="" width="20" height="20">',
        ),
    ],
)
def test_the_admin_shows_a_small_picture(icon, html):
    assert badges.icon_html(icon) == html
