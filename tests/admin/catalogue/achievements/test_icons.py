"""The icon of an achievement: chosen by its picture, typed, or uploaded."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import InMemoryStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from gamification.admin.catalogue.achievements import picture_upload
from gamification.admin.catalogue.achievements.badge_picker import BadgePicker
from gamification.admin.catalogue.achievements.picture_upload import (
    can_upload,
    store_picture,
)
from gamification.components.badges import badge_of
from gamification.models import Achievement
from gamification.staff import edit_achievement
from tests.admin.browsing import filled_in
from tests.factories import AchievementFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def medal():
    return AchievementFactory(key="medal", name="Medal", icon="flame")


@pytest.fixture
def page(medal):
    return reverse("admin:gamification_achievement_change", args=[medal.pk])


@pytest.fixture
def media(settings, tmp_path):
    """A site that keeps what is uploaded; the folder in which it does."""
    settings.MEDIA_ROOT, settings.MEDIA_URL = str(tmp_path), "/media/"
    return tmp_path


def drawn(kind="PNG", size=(300, 150), colour="red"):
    """Return the bytes of a picture."""
    output = BytesIO()
    Image.new("RGB", size, colour).save(output, kind)
    return output.getvalue()


def upload(content, name="picture.png"):
    return SimpleUploadedFile(name, content, "image/png")


def send(client, page, **changes):
    """Send the form of an achievement with some changes."""
    fields = filled_in(client.get(page), "achievement_form")
    return client.post(page, fields | {"_save": "1"} | changes)


def icon():
    return Achievement.objects.get(key="medal").icon


# --- Chosen and typed


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"icon": "rocket"}, "rocket"),
        ({"icon": "rocket", "icon-typed": "🥾"}, "rocket"),
        ({"icon": " typed", "icon-typed": "🥾"}, "🥾"),
        ({"icon": "", "icon-typed": "🥾"}, "🥾"),
        ({"icon": "", "icon-typed": ""}, ""),
        ({"icon": " typed", "icon-typed": " boat "}, "boat"),
    ],
)
def test_an_icon_is_chosen_or_typed(admin_client, page, sent, stored):
    response = send(admin_client, page, **sent)

    assert (response.status_code, icon()) == (302, stored)


def test_a_long_icon_is_refused(admin_client, page):
    response = send(admin_client, page, icon=" typed", **{"icon-typed": "x" * 51})

    assert "at most 50 characters" in response.content.decode()
    assert icon() == "flame"


@pytest.mark.parametrize(
    ("value", "typed"), [("flame", ""), ("🥾", "🥾"), ("boat", "boat"), (None, "")]
)
def test_the_form_shows_the_icon(value, typed):
    html = BadgePicker().render("icon", value, {"id": "id_icon"})

    chosen = " typed" if typed else value or ""
    assert f'value="{chosen}" checked>' in html
    assert f'name="icon-typed" value="{typed}"' in html


def test_badges_of_the_site_can_be_chosen(settings, site_badges):
    html = BadgePicker().render("icon", "boat", {})

    assert '<img src="/static/visions/badges/boat.svg" alt=""' in html
    assert html.count("flame.svg") == 1
    assert "/static/visions/badges/flame.svg" in html


@pytest.mark.parametrize("icon", ['"><script>x()</script>', "<b onclick=x()>", "&lt;"])
def test_what_staff_type_is_no_markup(admin_client, page, icon):
    edit_achievement("medal", actor=None, expected=None, icon=icon)

    html = admin_client.get(page).content.decode()

    assert "<script>x()" not in html
    assert "<b onclick" not in html
    assert 'value="&lt;&quot;' not in html


def test_a_conflict_shows_both_icons(admin_client, page):
    fields = filled_in(admin_client.get(page), "achievement_form")
    edit_achievement("medal", actor=None, expected=None, icon="rocket")

    response = admin_client.post(page, fields | {"_save": "1", "icon": "star"})

    shown = response.content.decode()
    assert "now \u2068rocket\u2069; you entered \u2068star\u2069" in shown
    assert icon() == "rocket"


def test_an_icon_that_nobody_touched_follows_the_edit_of_another(admin_client, page):
    fields = filled_in(admin_client.get(page), "achievement_form")
    edit_achievement("medal", actor=None, expected=None, icon="🥾")

    response = admin_client.post(page, fields | {"_save": "1", "name": "Gold"})

    assert 'name="icon-typed" value="🥾"' in response.content.decode()


# --- Uploaded


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_is_uploaded(admin_client, page, media, kind):
    send(admin_client, page, **{"icon-upload": upload(drawn(kind))})

    address = badge_of(icon()).image
    file = media / address.removeprefix("/media/")
    assert address == f"/media/gamification/badges/{icon()}.png"
    with Image.open(file) as picture:
        assert (picture.format, picture.size) == ("PNG", (256, 128))


def test_the_same_picture_is_stored_once(media):
    first, second, other = (
        store_picture(upload(drawn(colour=colour))) for colour in ("red", "red", "blue")
    )

    assert (first == second, first == other) == (True, False)
    assert len([*media.rglob("*.png")]) == 2


def test_nothing_but_the_picture_is_kept(media):
    hidden = b"<script>alert(1)</script>"

    store_picture(upload(drawn() + hidden))

    [file] = media.rglob("*.png")
    assert hidden not in file.read_bytes()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
REFUSED = {
    "nothing": b"",
    "text": b"<html>",
    "svg": SVG,
    "broken": drawn()[:60],
    "too wide": drawn(size=(4_097, 1)),
    "too large": drawn() + b"\0" * 2_000_000,
    "bitmap": drawn("BMP"),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_other_files_are_refused(media, content):
    with pytest.raises(ValidationError) as refusal:
        store_picture(upload(content))

    [message] = refusal.value.messages
    assert message.startswith("Upload a PNG, JPEG, WebP or GIF picture of at most 2 MB")
    assert message.endswith("and 4,096 × 4,096 pixels.")
    assert [*media.rglob("*.png")] == []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_files_that_are_cut_off_are_refused_or_drawn(media, kind):
    content = drawn(kind, size=(20, 20))

    for length in range(len(content)):
        try:
            store_picture(upload(content[:length]))
        except ValidationError as refusal:
            assert refusal.code == "invalid_image"  # noqa: PT017 - or it is drawn


def test_the_form_says_why_a_picture_was_refused(admin_client, page, media):
    response = send(admin_client, page, **{"icon-upload": upload(SVG, "x.svg")})

    assert "Upload a PNG, JPEG, WebP or GIF" in response.content.decode()
    assert icon() == "flame"


def test_an_uploaded_picture_is_chosen_when_the_form_is_shown_again(
    admin_client, page, media
):
    sent = {"icon-upload": upload(drawn()), "name": ""}

    html = send(admin_client, page, **sent).content.decode()

    [file] = media.rglob("*.png")
    assert f'value="{file.stem}" checked>' in html
    assert icon() == "flame"


def test_a_picture_that_is_sent_twice_is_no_conflict(admin_client, page, media):
    sent = filled_in(admin_client.get(page), "achievement_form") | {"_save": "1"}

    statuses = [
        admin_client.post(page, {**sent, "icon-upload": upload(drawn())}).status_code
        for _click in range(2)
    ]

    [file] = media.rglob("*.png")
    assert (statuses, icon()) == ([302, 302], file.stem)


def test_uploaded_pictures_in_use_can_be_chosen_again(media):
    names = [store_picture(upload(drawn(colour=each))) for each in ("red", "blue")]
    for name in [*names, names[0]]:
        AchievementFactory(icon=name)

    html = BadgePicker().render("icon", "", {})

    assert [html.count(f'value="{name}"') for name in names] == [1, 1]
    assert html.count("<span>uploaded") == 2


def test_a_site_that_keeps_no_files_takes_no_uploads(admin_client, page):
    send(admin_client, page, **{"icon-upload": upload(drawn())})

    assert (can_upload(), icon()) == (False, "flame")


def test_a_site_may_keep_files_elsewhere(settings):
    memory = f"{InMemoryStorage.__module__}.{InMemoryStorage.__name__}"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": memory}}

    assert can_upload()


def test_a_site_may_have_no_place_for_files(settings):
    settings.STORAGES = {"staticfiles": settings.STORAGES["staticfiles"]}

    assert not can_upload()


def test_without_pillow_there_are_no_uploads(admin_client, page, media, monkeypatch):
    monkeypatch.setattr(picture_upload, "find_spec", lambda name: None)

    html = admin_client.get(page).content.decode()

    assert (can_upload(), "icon-upload" in html) == (False, False)
    assert 'enctype="multipart/form-data"' not in html
