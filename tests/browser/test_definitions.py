from __future__ import annotations

from playwright.sync_api import expect

from gamification.models import Achievement, Activity
from tests.browser.conftest import address, look
from tests.factories import AchievementFactory
from tests.inspection import COMMITTED

pytestmark = COMMITTED


def test_a_catalogue_is_exported_reviewed_and_imported(page, tmp_path):
    AchievementFactory(key="medal", name="Medal", xp_reward=50, status="draft")
    page.goto(address(Achievement, "changelist"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    file = tmp_path / "catalogue.json"
    download.value.save_as(file)
    file.write_text(file.read_text().replace('"Medal"', '"Gold"'))

    page.get_by_role("link", name="Import").click()
    look(page, "definitions-import")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Show what differs").click()
    expect(page.get_by_role("row", name='Name "Medal" "Gold"')).to_be_visible()
    look(page, "definitions-preview")
    page.get_by_role("button", name="Apply").click()

    expect(page.locator(".messagelist")).to_have_text("Added: 0. Changed: 1.")
    assert Achievement.objects.get(key="medal").name == "Gold"


def test_a_file_with_errors_says_where_they_are(page):
    page.goto(address(Activity, "import"))
    page.get_by_label("Or its text").fill('{"format": 2}')
    page.get_by_role("button", name="Show what differs").click()

    expect(page.get_by_role("row", name="format This is not 1")).to_be_visible()
    look(page, "definitions-errors")
