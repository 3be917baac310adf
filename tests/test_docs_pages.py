"""``docs/howto/pages.md`` is true: its recipes run, its themes can be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.core import mail
from django.template import engines
from django.test import RequestFactory

import gamification
from gamification.components.badges import badge_of
from gamification.models import Celebration
from gamification.services import award_achievement, record_activity
from gamification.signals import level_changed

TEXT = (Path(__file__).parent.parent / "docs" / "howto" / "pages.md").read_text()
PACKAGE = Path(gamification.__file__).parent
STYLE = (PACKAGE / "static" / "gamification" / "gamification.css").read_text()

#: What stands on what, and must be read.
PAIRS = [
    *(("text", ground) for ground in ("page", "surface", "raised", "soft", "tint")),
    *(("muted", ground) for ground in ("page", "surface", "raised", "soft", "tint")),
    *(("accent", ground) for ground in ("page", "surface", "raised", "tint")),
    ("on-accent", "accent"),
    *(("warm", ground) for ground in ("surface", "warm-tint")),
    *(("wrong", ground) for ground in ("surface", "soft")),
]


def snippet(language: str, title: str) -> str:
    """Return the first snippet of a language under a title."""
    section = TEXT.partition(f" {title}\n")[2]
    found = re.search(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)
    return found[1].replace("\n   ", "\n").strip()


def run(title: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(snippet("python", title), names)
    return names


@pytest.fixture
def request_of(user):
    """A request of the user, with messages."""
    request = RequestFactory().post("/")
    request.user = user
    request._messages = CookieStorage(request)
    return request


@pytest.mark.parametrize("source", re.findall(r"```html\n(.*?)```", TEXT, re.DOTALL))
@pytest.mark.django_db
def test_each_template_is_rendered(source, user):
    request = RequestFactory().get("/")
    request.user = user
    loaded = source.replace('{% extends "base.html" %}', "")
    outcome = record_activity(user, "kpi_completed")

    html = engines["django"].from_string(loaded).render({"outcome": outcome}, request)

    assert "{%" not in html


def test_the_first_page_has_at_most_eight_lines():
    assert len(snippet("html", "Put four pieces on a page").splitlines()) <= 8


@pytest.mark.django_db
def test_messages_say_what_a_record_brought(user, request_of):
    run("Django messages")["finish"](request_of, 1)

    said = [str(message) for message in get_messages(request_of)]
    assert said == ["+30 XP", "First KPI unlocked"]
    assert not Celebration.objects.pending().exists()


@pytest.mark.django_db
def test_htmx_is_told_to_renew_and_to_celebrate(request_of, tmp_path, settings):
    tag = "{% load gamification %}{% gamification_xp outcome %}"
    (tmp_path / "finished.html").write_text(tag)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]

    response = run("htmx")["finish"](request_of, 1)

    assert "+10 XP" in response.content.decode()
    assert response["HX-Trigger"] == "gamification:check"


@pytest.mark.django_db
def test_an_event_is_sent_for_each_celebration(user):
    award_achievement(user, "kpi_10")
    announce = run("Server-sent events")["announce"]

    async def first_two() -> list[str]:
        events = announce(user, pause=0)
        return [await anext(events), await anext(events)]

    ids = [*Celebration.objects.order_by("id").values_list("pk", flat=True)]
    assert async_to_sync(first_two)() == [f"id: {pk}\ndata: check\n\n" for pk in ids]


@pytest.mark.django_db
def test_the_view_of_events_is_a_stream(user):
    request = RequestFactory().get("/celebrations/")

    async def auser():
        return user

    request.auser = auser
    response = async_to_sync(run("Server-sent events")["celebrations"])(request)

    assert response["Content-Type"] == "text/event-stream"


def test_a_visitor_gets_no_stream_of_events():
    request = RequestFactory().get("/celebrations/")

    async def auser():
        return AnonymousUser()

    request.auser = auser
    response = async_to_sync(run("Server-sent events")["celebrations"])(request)

    assert response.status_code == 204


@pytest.mark.django_db
def test_each_level_is_written_about(user, django_capture_on_commit_callbacks):
    user.email = "ann@example.org"
    user.save()
    write = run("An e-mail for each level")["write"]

    with django_capture_on_commit_callbacks(execute=True):
        record_activity(user, "kpi_completed", quantity=5)
    level_changed.disconnect(write)

    [message] = mail.outbox
    assert message.subject == "You have reached level 2"
    assert message.to == ["ann@example.org"]


def test_each_badge_is_in_the_list():
    listed = TEXT.partition("The package ships these:")[2].partition("A name that")[0]
    names = {path.stem for path in (PACKAGE / "static").rglob("badges/*.svg")}

    assert set(re.findall(r"`([a-z-]+)`", listed)) == names
    assert "shown as a star" in TEXT
    assert badge_of("unheard-of") == badge_of("star")


def test_each_template_of_a_piece_is_in_the_list():
    folder = PACKAGE / "templates" / "gamification" / "components"
    listed = TEXT.partition("templates are ")[2].partition("**Badges.**")[0]

    assert set(re.findall(r"`([a-z_]+)`", listed)) == {
        path.stem for path in folder.iterdir()
    }


THEMES = re.findall(r"```css\n(.*?)```", TEXT, re.DOTALL)


def properties(css: str) -> dict[str, str]:
    return dict(re.findall(r"--gamification-([a-z0-9-]+): (.*?);", css))


def colours(css: str, scheme: int) -> dict[str, str]:
    """Return the colours of a theme in the light (0) or in the dark (1)."""
    found = {}
    for name, value in properties(css).items():
        hexes = re.findall(r"#[0-9a-f]{6}", value)
        if hexes:
            found[name] = hexes[min(scheme, len(hexes) - 1)]
    return found


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    # As WCAG defines it.
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("css", THEMES)
def test_a_theme_sets_every_colour_and_nothing_unknown(css):
    known = properties(STYLE.partition("}")[0])
    coloured = {name for name, value in known.items() if "#" in value} - {"shadow"}

    assert coloured <= properties(css).keys() <= known.keys()


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("css", THEMES)
def test_a_theme_can_be_read(css, scheme):
    shades = colours(css, scheme)

    faint = [
        (word, ground)
        for word, ground in PAIRS
        if contrast(shades[word], shades[ground]) < 4.5
    ]

    assert faint == []
