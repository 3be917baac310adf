"""Tests in a real browser: Chromium, driven by Playwright.

``apt-get install chromium-headless-shell`` installs what these tests need. The whole
browser will do, too, but takes twice the time. The environment variable ``CHROMIUM``
names another one, and ``SCREENSHOTS`` a folder in which pictures of pages are saved.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client
from django.urls import reverse

import tests.admin.conftest  # noqa: F401 - the pages of users
from tests.browser.axe import out_of_reach, violations
from tests.browser.site import served, wait_until_idle

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page
    from pytest_django.live_server_helper import LiveServer

SCREENSHOTS = os.environ.get("SCREENSHOTS")

#: Returns the texts with too little contrast.
LOW_CONTRAST = (Path(__file__).parent / "contrast.js").read_text()

#: Returns broken words, elements that overlap, and fields that stick out.
CROWDING = (Path(__file__).parent / "crowding.js").read_text()

#: Programs: the first one that is installed drives the tests.
NAMES = ["chromium-headless-shell", "chromium"]
if "CHROMIUM" in os.environ:
    NAMES = [os.environ["CHROMIUM"]]

#: Options that keep the browser from making requests of its own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

WIDE, NARROW, PHONE = 1280, 390, 375


def program() -> str | None:
    """Return the path of the browser; None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="package")
def browser(django_db_setup: None) -> Iterator[Browser]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed."
    )
    if not (path := program()):
        pytest.skip(
            "Chromium is not installed: apt-get install chromium-headless-shell, "
            "or set CHROMIUM."
        )
    # It is None if no test of the run restores it.
    seeded = getattr(connection, "_test_serialized_contents", None)
    with pytest.MonkeyPatch.context() as patch, playwright.sync_playwright() as driver:
        # Playwright runs an event loop in this thread, in which Django refuses queries.
        # They also need a database connection of their own.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        connection._test_serialized_contents = seeded
        with driver.chromium.launch(executable_path=path, args=ARGUMENTS) as browser:
            yield browser
        connections.close_all()


@pytest.fixture(scope="package")
def site(django_db_setup: None) -> Iterator[LiveServer]:
    with served() as server:
        yield server


def new_context(browser: Browser, url: str) -> BrowserContext:
    """Return a browser context for a site."""
    context = browser.new_context(base_url=url, accept_downloads=True)
    context.set_default_timeout(15_000)
    return context


def open_page(context: BrowserContext, url: str, session: str) -> Page:
    """Return a wide page for the user of this session."""
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": session, "url": url}])
    page = context.new_page()
    page.set_viewport_size({"width": WIDE, "height": 900})
    return page


def session_of(user: Any) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """Collect what browser contexts report; fail at the end if there is anything."""
    problems: list[str] = []
    yield problems
    wait_until_idle()
    assert problems == []


@pytest.fixture
def sign_in(
    browser: Browser, site: LiveServer, db: None, problems: list[str]
) -> Iterator[Callable[[Any], Page]]:
    """Return a function that signs in a user, in a browser context of their own.

    Tests fail if a page breaks the policy, has an error, or requests a missing file.
    """
    with ExitStack() as contexts:

        def sign_in(user: Any) -> Page:
            context = contexts.enter_context(new_context(browser, site.url))
            contexts.enter_context(watched(context, problems))
            return open_page(context, site.url, session_of(user))

        yield sign_in


@pytest.fixture(scope="package")
def shared_context(browser: Browser, site: LiveServer) -> Iterator[BrowserContext]:
    """Return a context that keeps the scripts and styles of the admin in its cache."""
    with new_context(browser, site.url) as context:
        yield context


@contextmanager
def watched(context: BrowserContext, problems: list[str]) -> Iterator[None]:
    """Collect the errors and warnings that the browser reports."""

    def listen(message: Any) -> None:
        is_icon = message.location["url"].endswith("/favicon.ico")
        if message.type in {"error", "warning"} and not is_icon:
            problems.append(f"{message.page.url}: {message.text}")

    def note(error: Any) -> None:
        problems.append(str(error.error))

    context.on("console", listen)
    context.on("weberror", note)
    yield
    context.remove_listener("console", listen)
    context.remove_listener("weberror", note)


@contextmanager
def visited(
    context: BrowserContext, url: str, session: str, problems: list[str]
) -> Iterator[Page]:
    """Open a page in a context that other tests share, and leave no cookie behind."""
    with watched(context, problems):
        page = open_page(context, url, session)
        yield page
        page.close()
    context.clear_cookies()


@pytest.fixture
def page(
    shared_context: BrowserContext,
    site: LiveServer,
    admin_user: Any,
    problems: list[str],
) -> Iterator[Page]:
    """Return a browser page of a superuser."""
    session = session_of(admin_user)
    with visited(shared_context, site.url, session, problems) as page:
        yield page


def follow(locator: Locator) -> None:
    """Click a link or a button, and wait for the page that it opens."""
    with locator.page.expect_event("load"):
        locator.click()


def save(page: Page) -> None:
    """Save the form of an admin page."""
    button = page.get_by_role("button", name="Save", exact=True)
    follow(button.locator("visible=true"))


def look(page: Page, name: str) -> None:
    """Fail if axe finds anything, or the page is wider than a wide or narrow screen.

    Leaves the page wide and light.
    """
    page.emulate_media(color_scheme="dark")
    fit(page, f"{name}-{NARROW}-dark", NARROW)
    cut_off = out_of_reach(page)
    page.emulate_media(color_scheme="light")
    fit(page, f"{name}-{WIDE}-light", WIDE)
    assert [*cut_off, *violations(page)] == []


def fit(page: Page, name: str, width: int) -> None:
    """Show the page at this width; fail if it is wider."""
    page.wait_for_load_state()
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if SCREENSHOTS:
        page.screenshot(
            path=Path(SCREENSHOTS, f"{name}.png"),
            full_page=True,
            animations="disabled",
            # Hiding the caret needs an inline style, which the policy forbids.
            caret="initial",
        )


def crowding(
    page: Page, root: str = "body", *, width: int = PHONE, size: str = "200%"
) -> Any:
    """Return what does not fit on a phone with text of twice the size."""
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("size => document.documentElement.style.fontSize = size", size)
    found = page.locator(root).evaluate(CROWDING)
    if page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("It scrolls sideways.")
    return found


def address(model: type, name: str, *args: Any) -> str:
    """Return the address of an admin page of a model."""
    return reverse(f"admin:gamification_{model._meta.model_name}_{name}", args=args)
