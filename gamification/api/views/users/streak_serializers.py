"""Streaks, freezes, pauses and repairs, as requests and responses have them."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from gamification.api.fields import (
    BodySerializer,
    BoundedListField,
    KeyField,
    NonBlankTextField,
    QuerySerializer,
    StrictDateField,
    StrictIntegerField,
    TextField,
)
from gamification.api.idempotency import KeyTextField
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.users.serializers import PublicStreakSerializer
from gamification.models import StreakDefinition, StreakFreeze
from gamification.staff import MAX_NOTE
from gamification.user_lookup import public_name

#: The most freezes of a grant, and the most dates of a repair.
_FREEZES: Final = 100
_DATES: Final = 31

UNITS: Final = [*dict(StreakDefinition.unit.field.flatchoices)]
FREEZE_KINDS: Final = [*dict(StreakFreeze.kind.field.flatchoices)]

STATUS_EXAMPLE: Final = {
    "state": "frozen",
    "current": 12,
    "longest": 30,
    "last_active_on": "2026-03-01",
    "lost_at": "2026-03-03T23:00:00Z",
    "freezes": 2,
    "freezes_needed": 1,
    "paused_until": None,
    "key": "daily",
    "name": "Daily streak",
    "unit": "day",
    "goal": 1,
    "done": 0,
    "freeze_cap": 2,
    "next_freeze_in": 2,
    "missed": ["2026-03-02"],
    "lacking": ["2026-03-02"],
    "broken_at": None,
    "lost": 0,
}
_WEEKLY: Final = {
    **STATUS_EXAMPLE,
    "state": "at_risk",
    "current": 4,
    "longest": 9,
    "lost_at": "2026-03-08T23:00:00Z",
    "freezes": 0,
    "freezes_needed": 0,
    "key": "weekly",
    "name": "Three days a week",
    "unit": "week",
    "goal": 3,
    "done": 1,
    "freeze_cap": 0,
    "next_freeze_in": None,
    "missed": [],
    "lacking": [],
}
STATUSES_EXAMPLE: Final = {"results": [STATUS_EXAMPLE, _WEEKLY]}
PAUSE_EXAMPLE: Final = {
    "streak": None,
    "start": "2026-03-10",
    "end": "2026-03-20",
    "note": "",
}
STAFF_PAUSE_EXAMPLE: Final = {
    **PAUSE_EXAMPLE,
    "note": "Ill.",
    "actor": "grace",
    "created_at": "2026-03-09T12:00:00Z",
}
FREEZE_EXAMPLE: Final = {
    "streak": "daily",
    "kind": "granted",
    "amount": 1,
    "date": "2026-03-02",
    "note": "For the broken phone.",
    "actor": "grace",
    "created_at": "2026-03-02T12:00:00Z",
}
REPAIR_EXAMPLE: Final = {
    "streak": "daily",
    "date": "2026-03-01",
    "note": "The outage of 1 March.",
    "actor": "grace",
    "created_at": "2026-03-02T12:00:00Z",
}
GRANT_EXAMPLE: Final = {"added": 1, "replayed": False, "status": STATUS_EXAMPLE}


class StreakSerializer(PublicStreakSerializer):
    """The user's current streak."""

    last_active_on = serializers.DateField(allow_null=True)
    lost_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the streak breaks unless the user is active before.",
    )
    freezes = serializers.IntegerField(help_text="Freezes in stock.")
    freezes_needed = serializers.IntegerField(
        help_text="How many of them the next active date will use."
    )
    paused_until = serializers.DateField(
        allow_null=True, help_text="The last date of the pause that holds today."
    )


class StreakStatusSerializer(StreakSerializer):
    """One of the user's streaks, as it stands now."""

    key = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.ChoiceField(
        choices=UNITS, help_text="What ``current`` and ``longest`` count."
    )
    goal = serializers.IntegerField(help_text="Active dates that each unit needs.")
    done = serializers.IntegerField(
        help_text="Active dates so far in the day, week or month that is open."
    )
    freeze_cap = serializers.IntegerField(help_text="The most freezes in stock.")
    next_freeze_in = serializers.IntegerField(
        allow_null=True,
        help_text="Active dates until the next freeze is earned; null if none are.",
    )
    missed = serializers.ListField(
        child=serializers.DateField(),
        help_text="The dates that freezes will cover; if there are none, those that "
        "broke the streak last, of the last 90 days. For a week or month, its last "
        "date.",
    )
    lacking = serializers.ListField(
        child=serializers.DateField(),
        help_text="The dates that a repair has to credit: those missed, or the last "
        "ones of a missed week or month, as many as its goal lacks.",
    )
    broken_at = serializers.DateTimeField(
        allow_null=True, help_text="When it broke last; null if it never did."
    )
    lost = serializers.IntegerField(help_text="How long it was when it broke.")


class StreakStatusesSerializer(ResponseSerializer):
    """All streaks of a user, the daily one first."""

    results = StreakStatusSerializer(many=True)


class PauseSerializer(ResponseSerializer):
    """Dates that break none of a user's streaks, or not one of them."""

    streak = serializers.CharField(
        source="streak.key", allow_null=True, help_text="Its key; null for all streaks."
    )
    start = serializers.DateField(source="since")
    end = serializers.DateField(source="until", help_text="The last paused date.")
    note = serializers.CharField()


class StaffPauseSerializer(PauseSerializer):
    """A pause, and who made it."""

    actor = serializers.CharField(allow_null=True, help_text="The user who made it.")
    created_at = serializers.DateTimeField()

    @classmethod
    def serialize(cls, value: Any) -> dict[str, Any]:
        return _with_actor(super().serialize(value), value)


class FreezeSerializer(ResponseSerializer):
    """A change of a user's stock of freezes."""

    streak = serializers.CharField(source="streak.key", help_text="Key of the streak.")
    kind = serializers.ChoiceField(choices=FREEZE_KINDS)
    amount = serializers.IntegerField(help_text="Negative if it takes from the stock.")
    date = serializers.DateField(
        help_text="The user's date that it covered, or on which the stock changed."
    )
    note = serializers.CharField()
    actor = serializers.CharField(allow_null=True, help_text="The user who granted it.")
    created_at = serializers.DateTimeField()

    @classmethod
    def serialize(cls, value: Any) -> dict[str, Any]:
        return _with_actor(super().serialize(value), value)


class RepairSerializer(ResponseSerializer):
    """A missed date that no longer breaks a user's streak."""

    streak = serializers.CharField(source="streak.key", help_text="Key of the streak.")
    date = serializers.DateField()
    note = serializers.CharField()
    actor = serializers.CharField(
        allow_null=True, help_text="The user who repaired it."
    )
    created_at = serializers.DateTimeField()

    @classmethod
    def serialize(cls, value: Any) -> dict[str, Any]:
        return _with_actor(super().serialize(value), value)


class FreezeGrantSerializer(ResponseSerializer):
    """The result of granting freezes."""

    added = serializers.IntegerField(
        help_text="How many found room in stock, at the first request with the key."
    )
    replayed = serializers.BooleanField(
        help_text="Whether an earlier, identical request granted them."
    )
    status = StreakStatusSerializer(help_text="The streak afterwards.")


class PauseQuery(QuerySerializer):
    """Which pause to end."""

    streak = KeyField(
        required=False,
        help_text="Key of the paused streak; leave it out for a pause of all.",
    )
    start = StrictDateField(
        required=False,
        help_text="Ends only the pause that begins on this date; leave it out for all.",
    )


class PauseBody(BodySerializer):
    """Dates of the user's own calendar to pause, both included."""

    start = StrictDateField()
    end = StrictDateField(help_text="The last paused date.")
    streak = KeyField(
        allow_null=True, default=None, help_text="Its key; null for all streaks."
    )


class StaffPauseBody(PauseBody):
    """Dates of a user to pause, even past ones."""

    note = TextField(
        max_length=MAX_NOTE,
        allow_blank=True,
        default="",
        help_text="The reason. The user can read it.",
    )


class RepairBody(BodySerializer):
    """Missed dates to repair."""

    dates = BoundedListField(child=StrictDateField(), min_length=1, max_length=_DATES)
    streak = KeyField(default="daily", help_text="Key of the streak.")


class StaffRepairBody(RepairBody):
    """Missed dates of a user to repair."""

    note = NonBlankTextField(
        max_length=MAX_NOTE, help_text="The reason. The user can read it."
    )


class FreezeBody(BodySerializer):
    """Freezes to grant."""

    amount = StrictIntegerField(min_value=1, max_value=_FREEZES)
    streak = KeyField(default="daily", help_text="Key of the streak.")
    note = TextField(
        max_length=MAX_NOTE,
        allow_blank=True,
        default="",
        help_text="The reason. The user can read it.",
    )
    key = KeyTextField(
        help_text="Makes the grant only once, however often it is sent.",
    )


def _with_actor(data: dict[str, Any], value: Any) -> dict[str, Any]:
    return {**data, "actor": value.actor and public_name(value.actor)}
