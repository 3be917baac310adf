"""Staff build a rule by the form, with and without scripts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from gamification.models import Achievement, UserAchievement
from gamification.services import award_achievement, record_activity
from tests.browser.conftest import address, look
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import COMMITTED

pytestmark = COMMITTED

SENTENCE = (
    "Users earn it when they have done “Review” 10 times with genre fantasy or horror "
    "in June 2025, and hold “Newcomer”."
)


@pytest.fixture
def reader(db):
    """Return a user who reviewed ten such books, and holds Newcomer."""
    types = {"genre": "string", "pages": "integer"}
    ActivityFactory(key="review", name="Review", attributes=types)
    AchievementFactory(key="newcomer", name="Newcomer")
    user, other = UserFactory(username="ada"), UserFactory(username="bob")
    award_achievement(user, "newcomer")
    june = datetime(2025, 6, 9, 12, tzinfo=UTC)
    for person, genre in ((user, "horror"), (other, "fantasy")):
        said = {"attributes": {"genre": genre}}
        record_activity(
            person, "review", quantity=10, occurred_at=june, historical=True, **said
        )
    return user


@pytest.fixture
def plain_page(page):
    """Return a page of the same superuser, in a browser without scripts."""
    state = {"storage_state": page.context.storage_state()}
    options = {"java_script_enabled": False, "base_url": "/".join(page_root(page))}
    with page.context.browser.new_context(**state, **options) as context:
        context.set_default_timeout(15_000)
        yield context.new_page()


def page_root(page):
    page.goto(address(Achievement, "changelist"))
    return page.url.split("/")[:3]


def build(page):
    """Build the rule by the form, which works in the same way without scripts."""
    page.goto(address(Achievement, "add"))
    # The page makes a key of the name as long as nobody has typed one.
    page.locator("#id_key").fill("summer")
    page.get_by_label("Name:", exact=True).fill("Summer reader")
    page.get_by_label("Category").select_option("milestones")
    page.get_by_label("Criterion").select_option("activity_count")
    page.locator("#id_activity").select_option(label="Review")
    page.locator("#id_threshold").fill("10")
    page.get_by_role("button", name="Add a filter").click()
    own = page.locator("#id_counting")
    box(own, "Only where").select_option("genre")
    box(own, "Comparison").select_option("in")
    own.get_by_role("textbox", name="Value").fill("fantasy, horror")
    own.get_by_label("From").fill("2025-06-01")
    own.get_by_label("to (the last day)").fill("2025-06-30")
    box(page, "Another condition").select_option("holds")
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.locator("[data-row='conditions-0']")
    box(row, "Achievement").select_option("newcomer")


def box(part, name):
    """Return the list of choices with this label."""
    return part.get_by_role("combobox", name=name, exact=True)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).locator("visible=true").click()


def preview_activate_and_backfill(page):
    press(page, "Preview")
    preview = page.get_by_role("region", name="Effect of a backfill")
    expect(preview).to_contain_text(SENTENCE)
    expect(preview.locator("dd").first).to_have_text("1")
    page.get_by_label("Status").select_option("active")
    press(page, "Save")
    page.get_by_role("link", name="Preview a backfill").click()
    expect(preview).to_contain_text(SENTENCE)
    page.get_by_label("Note for the user").fill("You have read all that in June.")
    page.get_by_role("button", name="Award to 1 user").click()


def test_staff_build_a_rule(page, reader):
    build(page)
    expect(page.locator("#gam-in-words")).to_have_text(SENTENCE)
    look(page, "rule")

    preview_activate_and_backfill(page)
    expect(page.locator("#gam-job-state")).to_have_text("finished")

    unlock = UserAchievement.objects.get(achievement__key="summer")
    assert unlock.user == reader
    expected = {"since": "2025-06-01", "until": "2025-07-01"}
    assert unlock.achievement.counting["window"] == expected


def test_staff_build_a_rule_without_scripts(plain_page, reader):
    build(plain_page)
    preview_activate_and_backfill(plain_page)
    # Without scripts, a button of the job's page does its steps.
    plain_page.get_by_role("button", name="Start").click()
    expect(plain_page.locator("#gam-job-state")).to_have_text("finished")

    unlock = UserAchievement.objects.get(achievement__key="summer")
    assert unlock.user == reader
    assert unlock.achievement.conditions == {"holds": "newcomer"}


def test_rows_come_and_go_without_a_round_trip(page, reader):
    page.goto(address(Achievement, "add"))
    page.get_by_label("Criterion").select_option("level")
    expect(page.locator("#id_counting")).to_be_hidden()
    group = page.locator("[data-row='conditions']")
    box(group, "Another condition").select_option("any")
    press(page, "Add")
    inner = page.locator("[data-row='conditions-0']")
    box(inner, "Another condition").select_option("activity_count")
    inner.get_by_role("button", name="Add", exact=True).click()
    row = page.locator("[data-row='conditions-0-0']")
    expect(box(row, "of the attribute")).to_have_count(0)
    box(row, "Count").select_option("sum")
    box(row, "of the attribute").select_option("pages")
    box(row, "Activity").select_option("review")

    expect(page.locator("#gam-in-words")).to_have_text(
        "Users earn it when they reach level 1, and have a total of 1 pages from "
        "“Review”."
    )
    inner.get_by_role("button", name="Remove the group").click()
    expect(row).to_have_count(0)
