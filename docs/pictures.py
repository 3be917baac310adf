"""Make the pictures of the README and of these pages: ``make pictures``.

It makes the demo data in a temporary database, at a fixed time, and takes pictures of
the pages with Chromium, which ``apt-get install chromium`` installs; the environment
variable ``CHROMIUM`` names another one. So the pictures change only with the pages, and
with the fonts of the machine: emoji need one, such as ``fonts-noto-color-emoji``.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import time_machine
from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

IMAGES = ROOT / "docs" / "images"

#: A Saturday at noon. The clock starts there again for each picture.
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)

DEMO, ADMIN = "demo", "admin"
PHONE = (390, 760)


@dataclass(frozen=True)
class Picture:
    """A picture of a page, or of what the page shows after something was done."""

    name: str
    #: The login name of who looks; empty for nobody.
    user: str
    address: str
    size: tuple[int, int]
    scheme: str = "light"
    #: What to do on the page first.
    prepare: Callable[[Page], Any] | None = None


def complete_kpi(page: Page) -> None:
    """Complete the KPI that brings a level and two achievements."""
    page.get_by_role("button", name="Complete").first.click()
    page.locator(".gamification-toast").nth(2).wait_for()
    vision = page.locator("section", has_text="Chapter 30").last
    vision.evaluate("each => each.scrollIntoView()")


def show_again(page: Page) -> None:
    """Show the celebrations as if nobody had seen them."""
    from gamification.models import Celebration

    Celebration.objects.update(acknowledged_at=None, claimed_until=None)
    page.reload()
    page.locator(".gamification-toast").nth(2).wait_for()


def simulate(page: Page) -> None:
    """Try higher rewards over ninety days."""
    page.get_by_label("KPI completed: XP reward").fill("12")
    page.get_by_label("Vision created: XP reward").fill("40")
    page.get_by_role("button", name="Simulate").click()
    page.locator("#gam-result").wait_for()


def edit(page: Page) -> None:
    """Change rewards in the list of achievements, then look at the index."""
    page.goto("/admin/gamification/achievement/")
    for name, xp in (("First KPI", "25"), ("Ten done", "60")):
        page.get_by_label(f"{name}: XP reward").fill(xp)
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".messagelist").wait_for()
    page.goto("/admin/gamification/")


PICTURES = (
    Picture("front", "", "/", (1120, 740)),
    Picture("progress", DEMO, "/game/", (1120, 690)),
    Picture("cards", DEMO, "/game/achievements/", (1120, 720), "dark"),
    Picture("leaderboard", DEMO, "/game/leaderboards/week/", PHONE),
    Picture("user", ADMIN, "/admin/gamification/usergamification/for/2/", (1280, 1210)),
    Picture("achievements", ADMIN, "/admin/gamification/achievement/", (1280, 1180)),
    Picture(
        "tuning",
        ADMIN,
        "/admin/gamification/activity/tuning/?days=90",
        (1280, 1080),
        prepare=simulate,
    ),
    Picture("ledger", ADMIN, "/admin/gamification/ledgerentry/?q=demo", (1280, 900)),
    # These change something.
    Picture("celebrations", DEMO, "/visions/", (1120, 560), prepare=complete_kpi),
    Picture("phone", DEMO, "/visions/", PHONE, "dark", show_again),
    Picture("desk", ADMIN, "/admin/gamification/", (1280, 860), prepare=edit),
)


def main() -> None:
    with TemporaryDirectory() as folder:
        os.environ["DATABASE_URL"] = f"sqlite:///{folder}/demo.sqlite3"
        os.environ["DJANGO_SETTINGS_MODULE"] = "example_project.settings"
        # Playwright runs an event loop in this thread, in which Django refuses queries.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        make_data()
        take_all()


def make_data() -> None:
    """Make the demo data, and a job that waits."""
    import django

    django.setup()
    from django.core.management import call_command

    with time_machine.travel(NOON, tick=False):
        call_command("migrate", verbosity=0)
        call_command("demo_data")
        begin_job()


def begin_job() -> None:
    from django.contrib.auth import get_user_model

    from gamification.staff import Act, begin_list

    users = get_user_model().objects
    names = [f"demo-{number:03}" for number in range(1, 28)]
    chosen = users.filter(username__in=names).values_list("pk", flat=True)
    act = Act(kind="adjustment", amount=50, note="Helped with the launch.")
    begin_list(act, [*chosen], actor=users.get(username=ADMIN))


def take_all() -> None:
    from pytest_django.live_server_helper import LiveServer

    path = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if not path:
        sys.exit("Chromium is not installed: apt-get install chromium.")
    server = LiveServer("127.0.0.1")
    arguments = ["--no-sandbox", "--disable-gpu"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=arguments)
        for picture in PICTURES:
            with time_machine.travel(NOON):
                take(browser, server.url, picture)
        browser.close()
    server.stop()


def take(browser: Browser, url: str, picture: Picture) -> None:
    """Save a picture, with few colours, so that it is small."""
    width, height = picture.size
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        color_scheme=picture.scheme,
        reduced_motion="reduce",
    )
    context.clock.set_fixed_time(NOON)
    if picture.user:
        context.add_cookies([session_of(picture.user, url)])
    page = context.new_page()
    page.goto(picture.address)
    if picture.prepare:
        picture.prepare(page)
    page.wait_for_load_state("networkidle")
    shown = Image.open(BytesIO(page.screenshot(animations="disabled")))
    few = shown.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    target = IMAGES / f"{picture.name}.png"
    few.save(target, optimize=True)
    size = target.stat().st_size // 1_000
    sys.stdout.write(f"{target.relative_to(ROOT)}: {size} kB\n")
    context.close()


def session_of(name: str, url: str) -> Any:
    """Return the cookie of a user who has signed in."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.get(username=name))
    session = client.cookies[settings.SESSION_COOKIE_NAME]
    return {"name": session.key, "value": session.value, "url": url}


if __name__ == "__main__":
    main()
