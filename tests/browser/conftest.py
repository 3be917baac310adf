"""Tests in a real browser: Debian's Chromium, driven by Playwright.

``apt-get install chromium`` installs it; ``CHROMIUM`` names another one. Pictures of
the pages are kept in ``.screenshots``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client
from django.urls import reverse

import tests.admin.conftest  # noqa: F401 - the pages of users
from tests.browser.site import served, wait_until_idle

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page
    from pytest_django.live_server_helper import LiveServer

PICTURES = Path(__file__).parents[2] / ".screenshots"

#: Tells which words hardly stand out from their ground.
FAINT = (Path(__file__).parent / "contrast.js").read_text()

#: A browser for tests goes nowhere by itself.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

WIDE, NARROW = 1280, 390


@pytest.fixture(scope="package")
def browser(django_db_setup: None) -> Iterator[Browser]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="There is no Playwright: pip install playwright."
    )
    path = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if not path:
        pytest.skip("There is no Chromium: apt-get install chromium, or set CHROMIUM.")
    # None where no test of the run puts it back.
    seeded = getattr(connection, "_test_serialized_contents", None)
    with pytest.MonkeyPatch.context() as patch, playwright.sync_playwright() as driver:
        # Playwright runs a loop in this thread. What is synchronous waits for nobody
        # there, and has a connection of its own.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        connection._test_serialized_contents = seeded
        with driver.chromium.launch(executable_path=path, args=ARGUMENTS) as browser:
            yield browser
        connections.close_all()


@pytest.fixture(scope="package")
def site(django_db_setup: None) -> Iterator[LiveServer]:
    with served() as server:
        yield server


@pytest.fixture
def sign_in(
    browser: Browser, site: LiveServer, db: None
) -> Iterator[Callable[[Any], Page]]:
    """Return how users sign in, each in a browser of their own.

    Fails if a page broke the policy, had an error, or asked for what is not there.
    """
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def sign_in(user: Any) -> Page:
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME]
        context = browser.new_context(base_url=site.url, accept_downloads=True)
        contexts.append(context)
        context.set_default_timeout(15_000)
        cookie = {"name": session.key, "value": session.value, "url": site.url}
        context.add_cookies([cookie])
        watch(context, complaints)
        page = context.new_page()
        page.set_viewport_size({"width": WIDE, "height": 900})
        return page

    yield sign_in
    for context in contexts:
        context.close()
    wait_until_idle()
    assert complaints == []


def watch(context: BrowserContext, complaints: list[str]) -> None:
    """Collect what the browser complains of."""

    def listen(message: Any) -> None:
        is_icon = message.location["url"].endswith("/favicon.ico")
        if message.type in {"error", "warning"} and not is_icon:
            complaints.append(f"{message.page.url}: {message.text}")

    context.on("console", listen)
    context.on("weberror", lambda each: complaints.append(str(each.error)))


@pytest.fixture
def page(sign_in: Callable[[Any], Page], admin_user: Any) -> Page:
    """Return a page of the staff who may do everything."""
    return sign_in(admin_user)


def look(page: Page, name: str) -> None:
    """Keep pictures of the page, wide and narrow, light and dark; see that it fits."""
    for width, scheme in ((WIDE, "dark"), (NARROW, "light"), (WIDE, "light")):
        page.emulate_media(color_scheme=scheme)
        keep_picture(page, f"{name}-{width}-{scheme}", width)


def keep_picture(page: Page, name: str, width: int) -> None:
    """Keep a picture of the page at this width; see that it fits."""
    PICTURES.mkdir(exist_ok=True)
    page.set_viewport_size({"width": width, "height": 900})
    page.screenshot(
        path=PICTURES / f"{name}.png",
        full_page=True,
        animations="disabled",
        # Playwright would hide the caret by a style that the policy forbids.
        caret="initial",
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def address(model: type, name: str, *args: Any) -> str:
    """Return the address of a page of the admin."""
    return reverse(f"admin:gamification_{model._meta.model_name}_{name}", args=args)
