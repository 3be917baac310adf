"""Jobs as requests ask for them, and as responses show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rest_framework import serializers

from gamification.api.fields import (
    BodySerializer,
    BoundedListField,
    KeyField,
    StrictBooleanField,
    StrictChoiceField,
    StrictDateField,
    TextField,
)
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.users.serializers import NoteBody, XPAmountField
from gamification.models import Job, JobKind, JobState
from gamification.staff import MAX_NAME

#: The kinds of jobs that can be begun over HTTP.
STARTABLE_KINDS: Final = (
    JobKind.AWARD.value,
    JobKind.REVOCATION.value,
    JobKind.ADJUSTMENT.value,
    JobKind.REVERSAL.value,
)

#: The most users whom one request can name.
MAX_USERS: Final = 1_000

EXAMPLE: Final = {
    "id": 17,
    "kind": "award",
    "state": "ready",
    "parameters": {"achievement": "ambassador", "celebrate": True, "note": "Spoke."},
    "total": 27,
    "done": 12,
    "skipped": 2,
    "xp": 600,
    "error": "",
    "created_at": "2026-03-02T12:00:00Z",
    "finished_at": None,
    "undoes": None,
}

PREVIEW_EXAMPLE: Final = {
    "asked": 27,
    "played": 27,
    "is_exact": True,
    "users": 25,
    "xp": 1_250,
    "raised": 4,
    "lowered": 0,
    "unlocks": {"ambassador": 25, "level_5": 3},
    "losses": {},
    "skipped": {"The user holds it already.": 2},
    "unknown": ["nobody@example.org"],
    "ambiguous": [],
}

ACT_EXAMPLE: Final = {
    "kind": "award",
    "achievement": "ambassador",
    "users": ["ada", "grace@example.org"],
    "celebrate": True,
}


class ActBody(BodySerializer):
    """Something to do to many users."""

    kind = StrictChoiceField(
        choices=STARTABLE_KINDS,
        help_text="``award`` or ``revocation`` of an ``achievement``, ``adjustment`` "
        "by an ``amount``, or ``reversal`` of the records of a period.",
    )
    achievement = KeyField(required=False, help_text="To award or to revoke.")
    amount = XPAmountField(
        required=False, help_text="XP to add to each user; negative to remove XP."
    )
    activity = KeyField(
        required=False, help_text="For a reversal: the activity, or none for all."
    )
    since = StrictDateField(required=False, help_text="For a reversal: first date.")
    until = StrictDateField(required=False, help_text="For a reversal: last date.")
    users = BoundedListField(
        child=TextField(max_length=MAX_NAME),
        min_length=1,
        max_length=MAX_USERS,
        required=False,
        help_text="User names, email addresses or keys. For a reversal: one user; "
        "leave it out for everybody.",
    )
    celebrate = StrictBooleanField(
        default=False, help_text="Whether to create celebrations for the users."
    )


class JobBody(NoteBody, ActBody):
    """A job to begin."""

    skip_unknown = StrictBooleanField(
        default=False,
        help_text="Whether to leave out names that match no user or several users. "
        "Without it, such a name is an error.",
    )


class JobSerializer(ResponseSerializer):
    """A job, and how far it has come."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=JobKind.values)
    state = serializers.ChoiceField(choices=JobState.values)
    parameters = serializers.DictField(
        help_text="The task in detail; depends on the kind."
    )
    total = serializers.IntegerField(help_text="Users to process when the job began.")
    done = serializers.IntegerField(help_text="Users who were processed so far.")
    skipped = serializers.IntegerField(help_text="Processed users who were skipped.")
    xp = serializers.IntegerField(help_text="XP that users got from the job so far.")
    error = serializers.CharField(help_text="Why the last step failed; can be empty.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    undoes = serializers.IntegerField(
        source="undoes_id",
        allow_null=True,
        help_text="Id of the job that this one takes back.",
    )

    @classmethod
    def serialize(cls, value: Job) -> dict[str, Any]:
        given = {**value.parameters}
        given.pop("request", None)
        return {**super().serialize(value), "parameters": given}


class ActPreviewSerializer(ResponseSerializer):
    """The effects that an act would have now."""

    asked = serializers.IntegerField(help_text="Users whom the act concerns.")
    played = serializers.IntegerField(help_text="Users on whom the numbers are based.")
    is_exact = serializers.BooleanField(
        help_text="Whether these are all users; otherwise, they are a sample."
    )
    users = serializers.IntegerField(help_text="Users who would change.")
    xp = serializers.IntegerField(help_text="XP that they would gain in total.")
    raised = serializers.IntegerField(help_text="Users who would reach a higher level.")
    lowered = serializers.IntegerField(
        help_text="Users who would fall to a lower level."
    )
    unlocks = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Users who would unlock each achievement, by key.",
    )
    losses = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Users who would lose each achievement, by key.",
    )
    skipped = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Users who would be skipped, by reason.",
    )
    unknown = serializers.ListField(
        child=serializers.CharField(), help_text="Names that match no user."
    )
    ambiguous = serializers.ListField(
        child=serializers.CharField(), help_text="Names that match several users."
    )


def act_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ``body`` that say what to do to each user."""
    return {
        name: value
        for name, value in body.items()
        if name not in {"users", "skip_unknown"}
    }
