from __future__ import annotations

import time

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from gamification.models import Achievement, Job, UserAchievement
from gamification.services import (
    ActivityRecord,
    record_activities,
)
from gamification.services.catalogue.backfill import jobs as backfill_jobs
from gamification.staff import (
    edit_achievement,
)
from tests.browser.conftest import address, crowding, follow, look, save
from tests.browser.site import TIMEOUT
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import COMMITTED

pytestmark = COMMITTED

LIST = address(Achievement, "changelist")


@pytest.fixture
def medal():
    return AchievementFactory(key="medal", name="Medal", icon="🏅", xp_reward=50)


@pytest.fixture
def walkers():
    """Three users who walked, and an achievement for it that nobody holds yet."""
    return walking(3)


def walking(number):
    """Let each of some users walk once, then create an achievement for it."""
    walk = ActivityFactory(key="walk", name="Walk")
    model = get_user_model()
    users = [model(username=f"walker {n}") for n in range(number)]
    model.objects.bulk_create(users)
    walks = (ActivityRecord(user, "walk") for user in users)
    record_activities(walks, celebrate=False)
    return AchievementFactory(
        key="first_walk",
        name="First walk",
        icon="🥾",
        criterion="activity_count",
        activity=walk,
        xp_reward=50,
    )


def row(page, name):
    """Return the row of an achievement in its list."""
    link = page.get_by_role("link", name=name)
    return page.locator("#result_list tbody tr", has=link)


def reward(page, name):
    return row(page, name).get_by_role("spinbutton").nth(1)


# --- In the list


def test_a_reward_is_edited_in_the_list(page, medal):
    page.goto(LIST)
    look(page, "achievements")
    reward(page, "Medal").fill("70")
    save(page)

    expect(page.locator(".messagelist")).to_contain_text("1 achievement was changed")
    expect(reward(page, "Medal")).to_have_value("70")
    assert Achievement.objects.get(key="medal").xp_reward == 70


def test_a_conflict_in_the_list_is_reported(page, medal, staff):
    page.goto(LIST)
    edit_achievement("medal", actor=staff, expected=None, xp_reward=60, threshold=2)
    reward(page, "Medal").fill("70")
    save(page)

    error = page.locator(".errorlist", has_text="changed “\u2068Medal\u2069”")
    expect(error).to_contain_text(staff.username)
    expect(error).to_contain_text("XP reward: now \u206860\u2069; you entered")
    look(page, "achievements-conflict")
    assert Achievement.objects.get(key="medal").xp_reward == 60

    save(page)

    expect(page.locator(".messagelist")).to_contain_text("1 achievement was changed")
    medal.refresh_from_db()
    assert (medal.xp_reward, medal.threshold) == (70, 2)


def test_an_arrow_button_moves_an_achievement(page):
    first, second, *_ = Achievement.objects.values_list("key", flat=True)
    page.goto(LIST)

    page.get_by_role("button", name="Move down").first.click()
    save(page)

    expect(page.locator(".messagelist")).to_be_visible()
    assert [*Achievement.objects.values_list("key", flat=True)][:2] == [second, first]


def test_an_order_that_is_not_saved_is_not_lost_without_a_question(page):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(LIST)
    page.get_by_role("button", name="Move down").first.click()

    page.goto(LIST)
    page.goto(LIST)

    assert asked == ["beforeunload"]


# --- In the form


def test_a_conflict_in_the_form_is_reported(sign_in, page, medal):
    editors = page, sign_in(UserFactory(is_staff=True, is_superuser=True))
    for editor in editors:
        editor.goto(address(Achievement, "change", medal.pk))
    for editor, name in zip(editors, ("Gold", "Silver"), strict=True):
        editor.get_by_label("Name:", exact=True).fill(name)
        save(editor)

    errors = editors[1].locator(".errorlist", has_text="changed “\u2068")
    expect(errors).to_contain_text("Name: now \u2068Gold\u2069; you entered")
    look(editors[1], "achievement-conflict")
    assert Achievement.objects.get(key="medal").name == "Gold"


def test_the_form_shows_the_fields_that_the_criterion_needs(page, medal):
    page.goto(address(Achievement, "change", medal.pk))
    look(page, "achievement")
    expect(page.get_by_label("Threshold")).to_be_hidden()

    ActivityFactory(key="walk", name="Walk")
    page.get_by_label("Criterion").select_option("level")
    page.get_by_label("Threshold").fill("7")

    expect(page.locator("#id_activity")).to_be_hidden()
    expect(page.locator(".field-in_words")).to_contain_text("7")


def test_the_form_has_room_for_large_text(page):
    page.goto(address(Achievement, "add"))

    assert crowding(page, "#achievement_form") == []


# --- In backfill


def test_a_preview_shows_the_effect_and_changes_nothing(page, walkers):
    page.goto(address(Achievement, "change", walkers.pk))
    page.get_by_label("XP reward").fill("90")
    page.get_by_role("button", name="Preview").click()

    preview = page.locator(".gam-preview")
    expect(preview.locator("dd")).to_have_text(["3", "270", "3"])
    expect(preview.get_by_role("link")).to_have_count(3)
    look(page, "achievement-preview")
    assert Achievement.objects.get(pk=walkers.pk).xp_reward == 50
    assert not UserAchievement.objects.exists()


def test_several_achievements_are_previewed_from_the_list(page, walkers, medal):
    page.goto(LIST)
    for name in ("First walk", "Medal"):
        row(page, name).get_by_role("checkbox").check()
    page.locator("select[name=action]").select_option("preview_backfills")
    page.locator("button[name=index]").click()

    expect(page.get_by_role("row", name="First walk")).to_contain_text("150")
    look(page, "achievement-previews")


@pytest.fixture
def next_step(page, monkeypatch):
    """Return a function that waits for the next step of a job, and holds it up."""
    monkeypatch.setattr(backfill_jobs, "USERS_IN_A_STEP", 5)
    waiting = []
    # Playwright cannot take a built-in method.
    page.route("**/step/", lambda route: waiting.append(route))

    def next_step():
        until = time.monotonic() + TIMEOUT
        while not waiting:
            assert time.monotonic() < until, "The page asks for no step."
            page.wait_for_timeout(10)
        return waiting.pop()

    return next_step


def test_a_backfill_survives_reloads_of_its_page(page, next_step, admin_user):
    achievement = walking(20)
    page.goto(address(Achievement, "backfill", achievement.pk))
    look(page, "achievement-backfill")
    page.get_by_label("Note for the user").fill("They walked before it was there.")
    follow(page.get_by_role("button", name="Award to"))
    processed = page.locator("#gam-job dd").first
    step = next_step()
    look(page, "job")

    for done in (5, 10, 15):
        step.continue_()
        expect(processed).to_have_text(f"{done} of 20")
        # The page asks for another step, and is left before it gets one.
        next_step()
        page.reload(wait_until="networkidle")
        page.get_by_role("button", name="Continue").click()
        step = next_step()
    step.continue_()

    expect(page.locator("#gam-job-state")).to_have_text("finished")
    look(page, "job-finished")
    assert UserAchievement.objects.filter(achievement=achievement).count() == 20
    job = Job.objects.get()
    assert (job.done, job.actor_id) == (20, admin_user.pk)
