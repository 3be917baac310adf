"""Who sees whom, and what of them: in the API and in the admin, for all who ask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from gamification.models import Achievement, UserGamification
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    revoke_achievement,
    set_visibility,
)
from gamification.staff import abandon_job, begin_backfill, begin_undo
from tests.api.clients import API, JSONClient, client_of
from tests.factories import AchievementFactory, UserFactory

pytestmark = pytest.mark.django_db

#: ``user`` has no permission; ``editor`` may view and change achievements; ``support``
#: may also view users' progress; ``helper`` may view users' progress alone; ``chief``
#: may do everything. Each asks about somebody else, but for ``self``.
TABLE = """
address        caller    public private inactive staff unknown self

profile        user         yes     no     no     no     no    yes
profile        editor       yes     no     no     no     no     no
profile        support      yes     no     no     no     no     no
profile        helper       yes     no     no     no     no     no
profile        chief        yes     no     no     no     no     no

achievements   user         yes     no     no     no     no    yes
achievements   editor       yes     no     no     no     no     no
achievements   support      yes     no     no     no     no     no
achievements   helper       yes     no     no     no     no     no
achievements   chief        yes     no     no     no     no     no

explain        user          no     no     no     no     no     no
explain        editor       yes     no     no     no     no    yes
explain        support      yes    yes    yes    yes     no    yes
explain        helper        no     no     no     no     no     no
explain        chief        yes    yes    yes    yes     no    yes

preview        user          no     no     no     no     no     no
preview        editor       yes     no     no     no     no    yes
preview        support      yes    yes    yes    yes     no    yes
preview        helper        no     no     no     no     no     no
preview        chief        yes    yes    yes    yes     no    yes

leaderboard    user         yes     no     no     no     no    yes
leaderboard    editor       yes     no     no     no     no     no
leaderboard    support      yes     no     no     no     no     no
leaderboard    helper       yes     no     no     no     no     no
leaderboard    chief        yes     no     no     no     no     no

admin-user     user          no     no     no     no     no     no
admin-user     editor        no     no     no     no     no     no
admin-user     support      yes    yes    yes    yes     no    yes
admin-user     helper       yes    yes    yes    yes     no    yes
admin-user     chief        yes    yes    yes    yes     no    yes

admin-preview  user          no     no     no     no     no     no
admin-preview  editor       yes     no     no     no     no    yes
admin-preview  support      yes    yes    yes    yes     no    yes
admin-preview  helper        no     no     no     no     no     no
admin-preview  chief        yes    yes    yes    yes     no    yes
"""

HEADING, *LINES = [line.split() for line in TABLE.splitlines() if line]
ROWS = [(address, caller, words) for address, caller, *words in LINES]
TARGETS = HEADING[2:]
PERMISSIONS = {
    "user": (),
    "editor": ("view_achievement", "change_achievement"),
    "support": ("view_achievement", "change_achievement", "view_usergamification"),
    "helper": ("view_usergamification",),
    "chief": (),
}
STAFF = ("editor", "support", "helper", "chief")
#: What staff see of a user in the admin, by the one permission that they have besides
#: that for users' progress.
DETAILS = {
    "": "the-lost",
    "view_ledgerentry": "the-actor the-internal the-lost the-note the-reason "
    "the-revoker the-secret",
    "view_userachievement": "the-lost the-reason the-revoker",
    "view_celebration": "the-lost the-secret",
    "view_achievement": "the-lost the-secret",
}


@dataclass
class Site:
    """Users of each kind, and clients of each kind of caller."""

    names: dict[str, str]
    clients: dict[str, JSONClient]
    #: The same callers in the admin.
    browsers: dict[str, Client]

    def sees(self, address: str, caller: str, target: str) -> bool:
        name = self.names[caller if target == "self" else target]
        client = self.clients[caller]
        if address.startswith("admin"):
            return self._sees_in_admin(address, caller, name)
        if address == "preview":
            preview = client.get(f"{API}achievements/walker/backfill/").json()
            return name in preview.get("sample", ())
        if address == "leaderboard":
            results = client.get(f"{API}leaderboards/all/").json()["results"]
            return name in [entry["user"] for entry in results]
        response = client.get(API + ADDRESSES[address].format(name))
        assert response.status_code in {200, 403, 404}
        return bool(response.status_code == 200)

    def _sees_in_admin(self, address: str, caller: str, name: str) -> bool:
        users = get_user_model().objects
        if address == "admin-user":
            user = users.filter(username=name).first()
            page = page_of("usergamification_for", user.pk if user else 0)
            return bool(self.browsers[caller].get(page).status_code == 200)
        walker = Achievement.objects.get(key="walker")
        page = page_of("achievement_backfill", walker.pk)
        return f"<bdi>{name}</bdi>" in self.browsers[caller].get(page).text


ADDRESSES = {
    "profile": "users/{}/",
    "achievements": "users/{}/achievements/",
    "explain": "achievements/walker/explain/?user={}",
}


@pytest.fixture
def site(activity, no_achievements) -> Site:
    """Users who all walked, and would all get the achievement ``walker``."""
    users = {name: UserFactory(username=name) for name in ("public", "private")}
    users["inactive"] = UserFactory(username="inactive")
    users["staff"] = UserFactory(username="staff", is_staff=True)
    users["user"] = UserFactory(username="user")
    for caller in STAFF:
        users[caller] = UserFactory(username=caller, is_staff=True)
    users["chief"].is_superuser = True
    users["chief"].save()
    for user in users.values():
        record_activity(user, "walk")
    set_visibility(users["private"], is_public=False)
    get_user_model().objects.filter(username="inactive").update(is_active=False)
    AchievementFactory(key="walker", criterion="active_days", threshold=1)
    clients = {name: client_of(users[name], *PERMISSIONS[name]) for name in PERMISSIONS}
    browsers = {name: browser_of(users[name]) for name in PERMISSIONS}
    names = {name: name for name in users} | {"unknown": "nobody"}
    return Site(names, clients, browsers)


def page_of(name: str, *args: Any) -> str:
    return reverse(f"admin:gamification_{name}", args=args)


def browser_of(user: Any) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.mark.parametrize(("address", "caller", "expected"), ROWS)
def test_a_user_is_shown_as_the_table_says(site, address, caller, expected):
    shown = [site.sees(address, caller, target) for target in TARGETS]

    assert ["yes" if each else "no" for each in shown] == expected


def test_a_site_that_ranks_staff_shows_them(site, settings):
    settings.GAMIFICATION = {"RANKS_STAFF": True}

    for address in ("profile", "achievements", "leaderboard"):
        assert site.sees(address, "user", "staff")
    assert site.sees("explain", "editor", "staff")
    assert site.sees("preview", "editor", "staff")
    assert site.sees("admin-preview", "editor", "staff")


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_hidden_user_is_answered_like_an_unknown_one(site, address):
    def answer(name: str) -> tuple[int, Any]:
        response = site.clients["editor"].get(API + ADDRESSES[address].format(name))
        return response.status_code, response.json()

    unknown = answer("nobody")

    assert unknown[0] == 404
    for target in ("private", "inactive", "staff"):
        assert answer(target) == unknown


def test_an_editor_may_ask_about_themselves_by_name(site):
    award_achievement(get_user_model().objects.get(username="editor"), "walker")

    explanation = site.clients["editor"].get(
        f"{API}achievements/walker/explain/?user=editor"
    )

    assert explanation.json()["is_unlocked"] is True


# --- What is seen of them


@pytest.fixture
def marked(site):
    """The history of a user, with a mark for each thing that not everybody sees."""
    user = get_user_model().objects.get(username="public")
    actor = UserFactory(username="the-actor")
    revoker = UserFactory(username="the-revoker")
    AchievementFactory(key="secret", name="the-secret", is_secret=True)
    AchievementFactory(key="lost", name="the-lost")
    notes = {"note": "the-note", "internal_note": "the-internal"}
    adjust_xp(user, amount=5, actor=actor, **notes)
    award_achievement(user, "secret")
    award_achievement(user, "lost")
    revoke_achievement(user, "lost", actor=revoker, reason="the-reason")
    return user


@pytest.mark.parametrize("codename", DETAILS)
def test_staff_see_of_a_user_what_they_may_view(marked, codename):
    staff = UserFactory(is_staff=True)
    client_of(staff, "view_usergamification", codename)

    page = browser_of(staff).get(page_of("usergamification_for", marked.pk)).text

    assert sorted({*re.findall(r"the-\w+", page)}) == DETAILS[codename].split()


def test_the_user_sees_the_note_that_is_meant_for_them(marked):
    ledger = client_of(marked).get(f"{API}me/ledger/").content.decode()

    assert {*re.findall(r"the-\w+", ledger)} == {"the-note", "the-reason"}


def test_the_log_of_staff_actions_is_for_those_who_see_the_ledger(marked):
    row, statuses = UserGamification.objects.get(user=marked), []
    for codename in ("view_achievement", "view_ledgerentry"):
        staff = UserFactory(is_staff=True)
        client_of(staff, "view_usergamification", codename)
        page = page_of("usergamification_history", row.pk)
        statuses.append(browser_of(staff).get(page).status_code)

    assert statuses == [403, 200]


def test_a_secret_is_explained_to_nobody_who_does_not_see_it(marked, site):
    page = page_of("usergamification_for", marked.pk)

    answers = [
        site.browsers["helper"].get(page, {"why": key}).context["answer"]
        for key in ("secret", "no-such-key")
    ]

    assert answers == [
        "No achievement has the key 'secret'.",
        "No achievement has the key 'no-such-key'.",
    ]
    assert "unlocked" in site.browsers["chief"].get(page, {"why": "secret"}).text


@pytest.mark.parametrize(
    ("codenames", "expected"),
    [
        ("run_job adjust_xp", [404, 404]),
        ("run_job award_achievement", [200, 404]),
        ("view_job", [200, 404]),
        ("award_achievement", [403, 403]),
    ],
)
def test_a_job_is_shown_to_those_who_may_run_or_view_it(site, codenames, expected):
    job = begin_backfill("walker", actor=None)
    staff = UserFactory(is_staff=True)
    client_of(staff, *codenames.split())
    browser = browser_of(staff)

    pages = [page_of("job_progress", number) for number in (job.pk, job.pk + 1)]

    assert [browser.get(page).status_code for page in pages] == expected


@pytest.mark.parametrize("codenames", ["award_achievement", "run_job adjust_xp"])
def test_a_step_does_not_tell_which_jobs_exist(site, codenames):
    job = begin_backfill("walker", actor=None)
    staff = UserFactory(is_staff=True)
    client_of(staff, *codenames.split())

    first, second = [
        browser_of(staff).post(page_of("job_step", number)).status_code
        for number in (job.pk, job.pk + 1)
    ]

    assert first == second


@pytest.mark.parametrize(
    ("codenames", "jobs"),
    [("run_job adjust_xp", 0), ("run_job award_achievement", 2), ("view_job", 2)],
)
def test_jobs_are_listed_for_those_who_may_run_or_view_them(site, codenames, jobs):
    job = begin_backfill("walker", actor=None)
    begin_undo(abandon_job(job.pk, actor=None).pk, actor=None)
    staff = UserFactory(is_staff=True)
    api = client_of(staff, *codenames.split(), "run_job")

    response = browser_of(staff).get(page_of("job_changelist"))

    assert response.context["cl"].queryset.count() == jobs
    assert api.get(f"{API}jobs/").json()["count"] == jobs


@pytest.mark.parametrize(
    ("codename", "status"),
    [("adjust_xp", 404), ("award_achievement", 200), ("view_job", 200)],
)
def test_the_api_shows_a_job_to_those_who_may_run_or_view_it(site, codename, status):
    job = begin_backfill("walker", actor=None)
    api = client_of(UserFactory(), "run_job", codename)

    assert api.get(f"{API}jobs/{job.pk}/").status_code == status
