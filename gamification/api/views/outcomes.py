"""Outcomes: responses to requests that write to a ledger."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers
from rest_framework.response import Response

from gamification.api.idempotency import REPLAYED_HEADER
from gamification.api.operations import Alternative
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.boosts.serializers import AppliedBoostSerializer
from gamification.services import (
    CelebrationKind,
    EntryKind,
    Outcome,
    WithheldReason,
)
from gamification.staff import entry_fingerprint

EXAMPLE: Final = {
    "entry": {
        "id": 4711,
        "kind": "activity",
        "amount": 10,
        "base": 10,
        "factor": "1.00",
        "boosts": [],
        "activity": "kpi_completed",
        "quantity": 1,
        "rewarded": 1,
        "occurred_at": "2026-03-02T08:30:00Z",
        "local_date": "2026-03-02",
        "recorded_at": "2026-03-02T12:00:00Z",
        "key": "kpi-42",
        "source": "visions.kpi:42",
        "attributes": {"area": "health", "weeks": 6},
        "fingerprint": "6f1c0e9bd2a74385a1d0e5b7c2f94e10",
    },
    "credited": 10,
    "withheld": None,
    "total_xp": 120,
    "level_before": 1,
    "level": 2,
    "current_streak": 3,
    "longest_streak": 3,
    "unlocks": [
        {
            "achievement": "first_steps",
            "name": "First steps",
            "icon": "👣",
            "xp": 50,
            "number": 1,
        }
    ],
    "celebrations": [
        {
            "id": 815,
            "kind": "level",
            "data": {"from": 1, "to": 2, "levels": [2]},
        }
    ],
    "replayed": False,
    "reversed_at": None,
    "corrections": [],
    "lost": [],
}

REPLAY_EXAMPLE: Final = {**EXAMPLE, "replayed": True}
#: The outcome of a request that changes nothing because the user is in that state.
UNCHANGED_EXAMPLE: Final = {
    **REPLAY_EXAMPLE,
    "entry": None,
    "credited": 0,
    "level_before": 2,
    "unlocks": [],
    "celebrations": [],
}


class EntrySerializer(ResponseSerializer):
    """A change of a user's XP, or a record that earned none."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=EntryKind.values)
    amount = serializers.IntegerField(help_text="XP credited; negative for a loss.")
    base = serializers.IntegerField(
        source="boosted.base", help_text="XP before boosts."
    )
    factor = serializers.CharField(
        source="boosted.factor",
        help_text="The factor of all boosts together, as a decimal number.",
    )
    boosts = AppliedBoostSerializer(
        source="boosted.boosts",
        many=True,
        help_text="The boosts that multiplied the XP, as they were at that time.",
    )
    quantity = serializers.IntegerField(help_text="Units recorded.")
    rewarded = serializers.IntegerField(
        help_text="Units that earned XP; the others exceeded a limit."
    )
    occurred_at = serializers.DateTimeField()
    local_date = serializers.DateField(
        help_text="The date of occurred_at in the user's time zone."
    )
    recorded_at = serializers.DateTimeField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="The object that earned the XP; can be empty."
    )
    attributes = serializers.DictField(
        allow_null=True,
        help_text="Values of the record by attribute; null if it has none.",
    )
    fingerprint = serializers.CharField(
        help_text="Identifies the entry in a request to reverse it: after the database "
        "was restored, another entry can have its id."
    )

    @classmethod
    def serialize(cls, value: Any) -> dict[str, Any]:
        # The attribute of this name is the digest of the request.
        shown = super().serialize(value)
        shown["factor"] = str(shown["factor"])
        return {**shown, "fingerprint": entry_fingerprint(value)}


class OutcomeEntrySerializer(EntrySerializer):
    """The entry written to the ledger."""

    activity = serializers.CharField(
        source="activity_id", allow_null=True, help_text="Key of the activity."
    )
    key = serializers.CharField(allow_null=True)


class WithheldXPSerializer(ResponseSerializer):
    """XP withheld by a limit, and when it can be earned again."""

    xp = serializers.IntegerField()
    quantity = serializers.IntegerField(help_text="Units that earned no XP.")
    reason = serializers.ChoiceField(choices=WithheldReason.values)
    earnable_at = serializers.DateTimeField(
        allow_null=True, help_text="Null if the activity is switched off."
    )


class UnlockSerializer(ResponseSerializer):
    """An unlocked achievement and its XP."""

    achievement = serializers.CharField(help_text="Key of the achievement.")
    name = serializers.CharField()
    icon = serializers.CharField()
    xp = serializers.IntegerField()
    number = serializers.IntegerField(
        help_text="Which time the user earned it: 1 for the first."
    )


class CelebrationNoticeSerializer(ResponseSerializer):
    """A celebration created for the user."""

    id = serializers.IntegerField(allow_null=True)
    kind = serializers.ChoiceField(choices=CelebrationKind.values)
    data = serializers.DictField()  # type: ignore[assignment]


class CorrectionSerializer(ResponseSerializer):
    """XP that an earlier record earned because a reversal made room for it."""

    id = serializers.IntegerField(allow_null=True)
    corrects = serializers.IntegerField(help_text="Id of the record's entry.")
    amount = serializers.IntegerField(help_text="XP credited.")
    local_date = serializers.DateField()


class OutcomeSerializer(ResponseSerializer):
    """Everything that the request changed, and why XP was withheld."""

    entry = OutcomeEntrySerializer(
        allow_null=True, help_text="Null if there was nothing to write."
    )
    credited = serializers.IntegerField(
        help_text="XP of the entry, without achievements."
    )
    withheld = WithheldXPSerializer(allow_null=True)
    total_xp = serializers.IntegerField()
    level_before = serializers.IntegerField()
    level = serializers.IntegerField()
    current_streak = serializers.IntegerField(help_text="Days.")
    longest_streak = serializers.IntegerField(help_text="Days.")
    unlocks = UnlockSerializer(many=True)
    celebrations = CelebrationNoticeSerializer(many=True)
    replayed = serializers.BooleanField(
        help_text="Whether an earlier request did it, and this one changed nothing."
    )
    reversed_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the entry of a replay was reversed; null if it stands.",
    )
    corrections = CorrectionSerializer(many=True)
    lost = UnlockSerializer(
        many=True, help_text="Achievements taken back, with the XP that went with each."
    )


#: Part of the spec of an operation that returns ``outcome_response``.
OUTCOME_RESPONSE: Final[dict[str, Any]] = {
    "response": OutcomeSerializer,
    "status": 201,
    "alternatives": {
        200: Alternative("Done before: the first outcome.", REPLAY_EXAMPLE),
    },
    "response_headers": (REPLAYED_HEADER,),
    "response_example": EXAMPLE,
}


def outcome_response(outcome: Outcome, activity: str | None = None) -> Response:
    """Return a response with ``outcome``: 201, or 200 for a replay.

    ``activity`` is the key of the activity of its entry.
    """
    return Response(
        serialize_outcome(outcome, activity),
        outcome_status(outcome),
        headers=replay_headers(is_replay=outcome.replayed),
    )


def serialize_outcome(outcome: Outcome, activity: str | None = None) -> dict[str, Any]:
    """Return the fields of the response for ``outcome``."""
    data = OutcomeSerializer.serialize(outcome)
    if data["entry"]:
        # The outcome has the id of the activity; clients know its key.
        data["entry"]["activity"] = activity
    return data


def outcome_status(outcome: Outcome) -> int:
    return 200 if outcome.replayed else 201


def replay_headers(*, is_replay: bool) -> dict[str, str]:
    return {REPLAYED_HEADER.name: "true"} if is_replay else {}
