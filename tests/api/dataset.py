"""At least one row of every kind, and clients of every kind."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.contrib.auth.models import Permission
from django.utils import timezone
from rest_framework.test import APIClient

from gamification.models import (
    Achievement,
    Celebration,
    LedgerEntry,
    write_alias,
)
from gamification.services import (
    adjust_xp,
    award_achievement,
    pause_streak,
    record_activity,
    reverse_entry,
    set_visibility,
)
from gamification.staff import Act, begin_list, grant_freezes, hold_user
from tests.factories import (
    AchievementFactory,
    ActivityFactory,
    BoostFactory,
    UserFactory,
)
from tests.inspection import everything

#: Kinds of clients.
PERSONS = ("anonymous", "user", "other", "staff", "allowed")


@dataclass
class Dataset:
    """The users of the clients, and the values of the variable parts of addresses."""

    users: dict[str, Any]
    names: dict[str, Any]
    #: Valid bodies, by method and route.
    bodies: dict[str, Any]
    #: All rows of the app.
    rows: dict[str, list[dict[str, Any]]]

    def copy(self) -> Dataset:
        """Return the same for a test that may change any of it, except the rows."""
        return replace(self, users=deepcopy(self.users), bodies=deepcopy(self.bodies))

    @cached_property
    def clients(self) -> dict[str, APIClient]:
        clients = {name: _client(user) for name, user in self.users.items()}
        return {"anonymous": APIClient(), **clients}

    def ask(self, person: str, method: str, address: str, body: Any = None) -> Any:
        path = f"/api/gamification/v1/{address.format(**self.names)}"
        headers = {"If-Match": "*"}
        ask = getattr(self.clients[person], method.lower())
        return ask(path, body, format="json", headers=headers)


def make_dataset() -> Dataset:
    """Create users and rows to ask about; nobody may hold an achievement before.

    ``user`` is private, and holds the achievement ``held``, which is a secret.
    """
    Achievement.objects.all()._raw_delete(write_alias())
    ActivityFactory(key="walk")
    ActivityFactory(key="swim", daily_limit=1)
    for name in ("shown", "held", "secret", "spare"):
        AchievementFactory(key=name, is_secret=name in {"held", "secret"})
    AchievementFactory(key="draft", status="draft")
    now, week = timezone.now(), timedelta(days=7)
    BoostFactory(key="planned", starts_at=now + week, ends_at=now + 2 * week)
    BoostFactory(
        key="running", starts_at=now - week, ends_at=now + week, activities=["swim"]
    )
    users = {
        "user": UserFactory(username="user.name"),
        "other": UserFactory(),
        "staff": UserFactory(is_staff=True),
        "allowed": UserFactory(is_staff=True),
    }
    ours = Permission.objects.filter(content_type__app_label="gamification")
    users["allowed"].user_permissions.set(ours)
    public = UserFactory(username="public")
    record_activity(public, "walk")
    record_activity(users["user"], "walk", quantity=10)
    award_achievement(users["user"], "held")
    adjust_xp(users["user"], amount=5, note="Found.", actor=users["staff"])
    # The reversal of the first swim makes room for the second one.
    swim, _ = [record_activity(users["user"], "swim").entry for _ in range(2)]
    reverse_entry(users["user"], entry_id=swim.id)
    set_visibility(users["user"], is_public=False)
    entry = LedgerEntry.objects.get(user=public)
    gift = Act(kind="adjustment", amount=5, note="A gift.")
    job = begin_list(gift, [public], actor=users["staff"])
    for person in users.values():
        grant_freezes(person, 1, note="A gift.")
        pause_streak(person, _in_days(7), _in_days(9))
    later = timezone.now() + timedelta(days=7)
    hold_user(users["user"], until=later, reason="Odd.", actor=users["staff"])
    return Dataset(
        users=users,
        names={
            "public": public.username,
            "private": users["user"].username,
            "own": Celebration.objects.filter(user=users["user"]).earliest("id").pk,
            "job": job.pk,
            **{key: key for key in ("shown", "held", "secret", "draft", "week")},
            "kind": "exclusion",
        },
        bodies=_bodies(public.username, entry.pk),
        rows=everything(),
    )


def _in_days(days: int) -> date:
    return timezone.now().date() + timedelta(days)


def _client(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


#: Levels on which the users of the data set already are.
LEVELS = {
    "levels": [
        {"threshold": 0, "name": "Newcomer"},
        *({"threshold": xp} for xp in (50, 150, 300, 500, 750)),
    ]
}


def _boost() -> dict[str, Any]:
    return {
        "name": "Launch weekend",
        "factor": "2.00",
        "starts_at": f"{_in_days(2)}T00:00:00Z",
        "ends_at": f"{_in_days(4)}T00:00:00Z",
    }


def _pause() -> dict[str, Any]:
    return {"start": str(_in_days(2)), "end": str(_in_days(3))}


def _bodies(user: str, entry: int) -> dict[str, Any]:
    return {
        "POST achievements/": {
            "key": "new",
            "name": "New",
            "category": "milestones",
            "criterion": "manual",
        },
        "POST achievements/preview/": {
            "name": "New",
            "category": "milestones",
            "criterion": "level",
        },
        "PATCH achievements/<key>/": {"position": 7},
        "POST achievements/<key>/preview/": {"position": 7},
        "POST achievements/<key>/backfill/": {"note": "Earned before."},
        "POST boosts/": {"key": "new", **_boost()},
        "PATCH boosts/<key>/": {"name": "Launch"},
        "POST boosts/preview/": _boost(),
        "POST boosts/<key>/preview/": {"name": "Launch"},
        "PATCH me/": {"time_zone": "Asia/Tokyo"},
        "POST jobs/": {
            "kind": "award",
            "achievement": "spare",
            "users": [user],
            "note": "Well done.",
        },
        "POST jobs/preview/": {
            "kind": "award",
            "achievement": "spare",
            "users": [user],
        },
        "POST jobs/<id>/undo/": {"note": "A mistake."},
        "PUT levels/table/": LEVELS,
        "POST levels/preview/": LEVELS,
        "POST me/celebrations/acknowledge/": {"ids": [1]},
        "POST me/pauses/": _pause(),
        "POST me/repairs/": {"dates": [str(_in_days(-2))]},
        "POST activities/": {"key": "dive", "name": "Dive"},
        "PATCH activities/<key>/": {"xp_reward": 7},
        "POST records/": {"user": user, "activity": "walk", "key": "a"},
        "POST streaks/": {"key": "weekly", "name": "Weekly", "unit": "week"},
        "PATCH streaks/<key>/": {"freeze_cap": 5},
        "POST streaks/<key>/preview/": {"freeze_cap": 5},
        "POST streaks/preview/": {"name": "Weekly", "unit": "week"},
        "POST users/<user>/freezes/": {"amount": 1},
        "POST users/<user>/pauses/": _pause(),
        "POST users/<user>/repairs/": {
            "dates": [str(_in_days(-2))],
            "note": "An outage.",
        },
        "POST users/<user>/achievements/": {
            "achievement": "spare",
            "note": "Well done.",
        },
        "POST users/<user>/achievements/<key>/revoke/": {"note": "A mistake."},
        "POST users/<user>/adjustments/": {"amount": 7, "note": "A gift."},
        "POST users/<user>/reversals/": {"entry": entry, "note": "A mistake."},
        "POST users/<user>/restrictions/": {"kind": "exclusion", "reason": "Odd."},
        "POST users/<user>/restrictions/<kind>/lift/": {"reason": "A mistake."},
    }
