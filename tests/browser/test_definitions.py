from __future__ import annotations

from playwright.sync_api import expect

from gamification.models import Achievement, Activity
from tests.browser.conftest import address, follow, look
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

    follow(page.get_by_role("link", name="Import"))
    look(page, "definitions-import")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Preview the changes").click()
    expect(page.get_by_role("row", name='Name "Medal" "Gold"')).to_be_visible()
    look(page, "definitions-preview")
    page.get_by_role("button", name="Apply the changes").click()

    expect(page.locator(".messagelist")).to_have_text("Added: 0. Changed: 1.")
    assert Achievement.objects.get(key="medal").name == "Gold"


def test_errors_of_a_file_are_shown_with_their_location(page):
    page.goto(address(Activity, "import"))
    page.get_by_label("Or paste its text").fill('{"format": 2}')
    page.get_by_role("button", name="Preview the changes").click()

    expect(page.get_by_role("row", name="format")).to_be_visible()
    look(page, "definitions-errors")


def test_a_key_follows_the_name_until_staff_type_one(page):
    page.goto(address(Achievement, "add"))
    name, key = page.get_by_label("Name:", exact=True), page.locator("#id_key")
    name.press_sequentially("Summer reader")
    expect(key).to_have_value("summer-reader")

    key.fill("summer")
    name.press("End")
    name.press_sequentially(" of the year")

    expect(name).to_have_value("Summer reader of the year")
    expect(key).to_have_value("summer")
