"""Fixtures for users who visit the pages of the demo and of the app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import override_settings
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from example_project.visions.demo.rarities import make_rarities
from example_project.visions.demo.stories import VISITOR, all_stories
from example_project.visions.demo.streaks import make_streaks
from example_project.visions.demo.telling import tell
from gamification.services import record_activity
from tests.browser.pages.policy import PagesPolicy
from tests.factories import UserFactory

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Reports each celebration that any tab shows to the test.
REPORT = """
for (const name of ["shown", "done"]) {
  document.addEventListener(`gamification:${name}`, ({ detail }) => {
    window.report(name, detail.id, detail.kind);
  });
}
"""


@pytest.fixture(scope="package")
def site(django_db_setup: None) -> Iterator[LiveServer]:
    """Serve the site under the policy of the pages."""
    policy = f"{PagesPolicy.__module__}.{PagesPolicy.__name__}"
    with override_settings(MIDDLEWARE=[policy, *settings.MIDDLEWARE]):
        # The server loads its middleware when it starts.
        server = LiveServer("127.0.0.1")
    yield server
    server.stop()


@pytest.fixture
def sign_in_still(sign_in: Callable[[Any], Page]) -> Callable[[Any], Page]:
    """Return a function that signs in a user who wants less motion."""

    def sign_in_still(user: Any) -> Page:
        page = sign_in(user)
        page.emulate_media(reduced_motion="reduce")
        return page

    return sign_in_still


@pytest.fixture
def visitor(db: None) -> Any:
    """The demo user: months of history, and one KPI away from very much."""
    tell(next(all_stories(timezone.now())), "!")
    make_rarities()
    for number in range(1, 8):
        record_activity(UserFactory(), "kpi_completed", quantity=number)
    long = UserFactory(username="Anna-Magdalena " * 9 + "Wilcke-Bach.of")
    record_activity(long, "kpi_completed", quantity=40)
    make_streaks()
    return get_user_model().objects.get(username=VISITOR)


@pytest.fixture
def reports() -> list[tuple[str, int, str]]:
    """Collect what the pages given to ``listen`` have shown: event, id, kind."""
    return []


@pytest.fixture
def listen(reports: list[tuple[str, int, str]]) -> Any:
    """Return a function that makes all tabs of a browser report what they show."""

    def listen(page: Page) -> Page:
        page.context.expose_function("report", lambda *what: reports.append(what))
        page.context.add_init_script(REPORT)
        return page

    return listen
