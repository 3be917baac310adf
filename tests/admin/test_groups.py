"""Moderators and game designers see and do what their group allows."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

from gamification.models import Activity, Job
from gamification.services import record_activity
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything

pytestmark = pytest.mark.django_db

LISTS = (
    "achievement",
    "activeday",
    "activity",
    "activitytally",
    "celebration",
    "job",
    "jobuser",
    "ledgerentry",
    "restriction",
    "userachievement",
    "usergamification",
)

#: Pages by name, and whether moderators and game designers may open them.
PAGES = {
    **{f"{model}_changelist": (True, True) for model in LISTS},
    "activity_add": (False, True),
    "achievement_add": (False, True),
    "activity_import": (False, True),
    "activity_export": (True, True),
    "tuning": (True, True),
    "recalculate": (False, True),
    "job_award": (False, True),
    "job_revocation": (False, True),
    "job_adjustment": (False, True),
    "job_reversal": (False, False),
}

#: Actions on one user, and whether the two may perform them.
ACTIONS = {
    "adjust": (True, True),
    "award": (True, True),
    "revoke": (True, True),
    "reverse": (True, False),
    "rebuild": (False, False),
    "hold": (True, False),
    "exclude": (True, False),
    "lift": (True, False),
}

#: What is sent to the addresses of a job, and whether the two may.
CONTROLS = dict.fromkeys(("step", "pause", "resume", "abandon", "undo"), (False, True))
WHO = ("Moderators", "Game designers")
each_group = pytest.mark.parametrize("who", [0, 1], ids=WHO)


@pytest.fixture
def member(client):
    """Return a function that signs in a member of a group."""
    call_command("gamification_groups", verbosity=0)

    def member(name):
        user = UserFactory(is_staff=True)
        user.groups.add(Group.objects.get(name=name))
        client.force_login(user)
        return client

    return member


@each_group
def test_pages_are_open_to_the_groups_that_may_see_them(member, who):
    client = member(WHO[who])

    open_to = {
        name: client.get(reverse(f"admin:gamification_{name}")).status_code
        for name in PAGES
    }

    assert open_to == {name: 200 if may[who] else 403 for name, may in PAGES.items()}


@each_group
def test_actions_are_open_to_the_groups_that_may_do_them(member, user, who):
    client = member(WHO[who])
    player = reverse("admin:gamification_usergamification_for", args=[user.pk])
    before, pages = everything(), {name: action(user, name) for name in ACTIONS}

    sent = {name: client.post(page, {}).status_code for name, page in pages.items()}
    html = client.get(player).text

    assert sent == {name: 200 if may[who] else 403 for name, may in ACTIONS.items()}
    assert {name for name, page in pages.items() if f'action="{page}"' in html} == {
        name for name, may in ACTIONS.items() if may[who]
    }
    assert everything() == before


def action(user, name):
    return reverse("admin:gamification_usergamification_action", args=[user.pk, name])


@each_group
def test_jobs_are_run_by_the_groups_that_may(member, who):
    job = Job.objects.create(kind="award", parameters={"achievement": "none"})
    client = member(WHO[who])

    sent = {
        name: client.post(
            reverse(f"admin:gamification_job_{name}", args=[job.pk])
        ).status_code
        for name in CONTROLS
    }

    assert sent == {name: 302 if may[who] else 403 for name, may in CONTROLS.items()}


def test_moderators_cannot_edit_the_catalogue_by_its_address(member, activity, user):
    record_activity(user, "walk")
    achievement = AchievementFactory()
    client = member("Moderators")
    before = everything()

    statuses = {
        client.post(reverse(f"admin:gamification_{name}", args=[pk]), {}).status_code
        for name, pk in (
            ("activity_change", activity.pk),
            ("activity_delete", activity.pk),
            ("achievement_change", achievement.pk),
            ("achievement_backfill", achievement.pk),
        )
    }

    assert statuses == {403}
    assert everything() == before
    assert Activity.objects.get(key="walk").xp_reward == 10
