"""Who sees whom: every address that shows or names a user, for every kind of caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from gamification.services import award_achievement, record_activity, set_visibility
from tests.api.clients import API, JSONClient, client_of
from tests.factories import AchievementFactory, UserFactory

pytestmark = pytest.mark.django_db

#: ``user`` has no permission; ``editor`` may view and change achievements; ``support``
#: may also view users' progress. Each asks about somebody else, but for ``self``.
TABLE = """
address        caller    public private inactive staff unknown self

profile        user         yes      no       no    no      no  yes
profile        editor       yes      no       no    no      no   no
profile        support      yes      no       no    no      no   no

achievements   user         yes      no       no    no      no  yes
achievements   editor       yes      no       no    no      no   no
achievements   support      yes      no       no    no      no   no

explain        user          no      no       no    no      no   no
explain        editor       yes      no       no    no      no  yes
explain        support      yes     yes      yes   yes      no  yes

preview        user          no      no       no    no      no   no
preview        editor       yes      no       no    no      no  yes
preview        support      yes     yes      yes   yes      no  yes

leaderboard    user         yes      no       no    no      no  yes
leaderboard    editor       yes      no       no    no      no   no
leaderboard    support      yes      no       no    no      no   no
"""

HEADING, *LINES = [line.split() for line in TABLE.splitlines() if line]
ROWS = [(address, caller, words) for address, caller, *words in LINES]
TARGETS = HEADING[2:]
PERMISSIONS = {
    "user": (),
    "editor": ("view_achievement", "change_achievement"),
    "support": ("view_achievement", "change_achievement", "view_usergamification"),
}


@dataclass
class Site:
    """Users of each kind, and clients of each kind of caller."""

    names: dict[str, str]
    clients: dict[str, JSONClient]

    def sees(self, address: str, caller: str, target: str) -> bool:
        name = self.names[caller if target == "self" else target]
        client = self.clients[caller]
        if address == "preview":
            preview = client.get(f"{API}achievements/walker/backfill/").json()
            return name in preview.get("sample", ())
        if address == "leaderboard":
            results = client.get(f"{API}leaderboards/all/").json()["results"]
            return name in [entry["user"] for entry in results]
        response = client.get(API + ADDRESSES[address].format(name))
        assert response.status_code in {200, 403, 404}
        return bool(response.status_code == 200)


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
    for caller in ("editor", "support"):
        users[caller] = UserFactory(username=caller, is_staff=True)
    for user in users.values():
        record_activity(user, "walk")
    set_visibility(users["private"], is_public=False)
    get_user_model().objects.filter(username="inactive").update(is_active=False)
    AchievementFactory(key="walker", criterion="active_days", threshold=1)
    clients = {name: client_of(users[name], *PERMISSIONS[name]) for name in PERMISSIONS}
    return Site({name: name for name in users} | {"unknown": "nobody"}, clients)


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
