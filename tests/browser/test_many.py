from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from playwright.sync_api import expect

from gamification.models import Job
from gamification.services import (
    ActivityRecord,
    award_achievement,
    record_activities,
)
from gamification.services.many import lists
from tests.browser.conftest import address, look
from tests.browser.site import wait_until_idle
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import COMMITTED, held_by, profile_of
from tests.services.many.conftest import totals

pytestmark = COMMITTED


@pytest.fixture
def users():
    """Users who have done something, two of whom hold the medal."""
    ActivityFactory(key="walk", name="Walk")
    AchievementFactory(key="medal", name="Medal", xp_reward=60)
    UserFactory.create_batch(27)
    model = get_user_model()
    for user in model.objects.all():
        user.email = f"{user.username}@example.org"
        user.save()
    users = [*model.objects.order_by("pk")]
    walks = [ActivityRecord(user, "walk") for user in users]
    record_activities(walks, celebrate=False)
    for user in users[:2]:
        award_achievement(user, "medal")
    return users


#: How far a job has come that is neither new nor done.
HALFWAY = re.compile(r"(?<![0-9])(3|6|9|12|15|18|21|24) of 27")


@pytest.fixture
def slow_steps(monkeypatch):
    """Steps of three users that leave time for a click."""
    apply = lists.apply_act

    def apply_slowly(*args, **kwargs):
        time.sleep(0.4)
        return apply(*args, **kwargs)

    monkeypatch.setattr(lists, "apply_act", apply_slowly)
    monkeypatch.setattr(lists, "USERS_AT_ONCE", 3)


def state(page):
    return page.locator("#gam-job-state")


def done(page):
    return int(page.locator("#gam-job dd").first.inner_text().split()[0])


def test_an_award_to_a_list_is_paused_abandoned_and_taken_back(users, slow_steps, page):
    before = totals()
    page.goto(address(Job, "award"))
    page.get_by_label("Achievement").select_option("medal")
    unknown = [f"nobody{number}@example.org" for number in range(3)]
    names = "\n".join([*(user.email for user in users), *unknown])
    page.locator("#id_users").fill(names)
    page.get_by_role("button", name="Preview").click()

    preview = page.locator(".gam-preview")
    expect(preview.locator(".gam-missing")).to_contain_text("Not found: 3")
    expect(preview).to_contain_text("The user holds it already. × 2")
    look(page, "award-to-a-list")
    page.get_by_label("Note for the user").fill("They helped.")
    page.get_by_role("button", name="Begin for 25 users").click()
    expect(page.locator("#gam-job")).to_contain_text(HALFWAY)
    page.get_by_role("button", name="Pause").click()

    expect(state(page)).to_have_text("paused")
    # The step under way still ends.
    wait_until_idle()
    page.reload()
    paused = done(page)
    time.sleep(1)
    page.reload()
    assert 0 < done(page) == paused < 27
    look(page, "job-paused")

    page.get_by_role("button", name="Abandon").click()
    expect(state(page)).to_have_text("abandoned")
    look(page, "job-abandoned")
    assert totals() != before
    page.locator("#id_undo_note").fill("The wrong list.")
    page.get_by_role("button", name="Take back").click()

    expect(state(page)).to_have_text("finished")
    assert totals() == before


def test_opening_a_job_runs_no_step_until_a_click(users, page):
    page.goto(address(Job, "adjustment"))
    page.locator("#id_amount").fill("40")
    page.locator("#id_users").fill("\n".join(u.username for u in users))
    page.get_by_role("button", name="Preview").click()
    page.get_by_label("Note for the user").fill("A gift.")
    page.get_by_role("button", name="Begin for").click()
    expect(state(page)).to_have_text("finished")
    Job.objects.update(finished_at=None, cursor=None)

    page.reload()
    time.sleep(1.5)
    expect(state(page)).to_have_text("not finished")
    page.get_by_role("button", name="Continue").click()

    expect(state(page)).to_have_text("finished")
    assert profile_of(users[2]).total_xp == 50


def test_last_week_of_a_user_is_taken_back(users, page):
    cheat = users[5]
    past = [(days, "walk") for days in (1, 2, 3, 30)]
    record_activities(
        [
            ActivityRecord(cheat, key, timezone.now() - timedelta(days=days))
            for days, key in past
        ],
        historical=True,
    )
    page.goto(f"{address(Job, 'reversal')}?user={cheat.email}")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".gam-preview")).to_contain_text("-40")
    look(page, "take-back-a-week")
    page.get_by_label("Note for the user").fill("Cheated.")
    page.get_by_role("button", name="Take back from 1 user").click()

    expect(state(page)).to_have_text("finished")
    assert profile_of(cheat).total_xp == 10
    assert held_by(users[0]) == {"medal"}
