"""What became of a request that writes to a ledger."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers
from rest_framework.response import Response

from gamification.api.idempotency import REPLAYED_HEADER
from gamification.api.operations import Also
from gamification.api.serializers import ResponseSerializer
from gamification.services import (
    CelebrationKind,
    EntryKind,
    Outcome,
    WithheldReason,
)

EXAMPLE: Final = {
    "entry": {
        "id": 4711,
        "kind": "activity",
        "amount": 10,
        "activity": "kpi_completed",
        "quantity": 1,
        "rewarded": 1,
        "occurred_at": "2026-03-02T08:30:00Z",
        "local_date": "2026-03-02",
        "recorded_at": "2026-03-02T12:00:00Z",
        "key": "kpi-42",
        "source": "visions.kpi:42",
    },
    "credited": 10,
    "withheld": None,
    "total_xp": 120,
    "level_before": 1,
    "level": 2,
    "current_streak": 3,
    "longest_streak": 3,
    "unlocks": [
        {"achievement": "first_steps", "name": "First steps", "icon": "👣", "xp": 50}
    ],
    "celebrations": [
        {
            "id": 815,
            "kind": "level",
            "data": {"from": 1, "to": 2, "levels": [2]},
        }
    ],
    "replayed": False,
}

REPLAY_EXAMPLE: Final = {**EXAMPLE, "replayed": True}


class EntrySerializer(ResponseSerializer):
    """One change of a user's XP, or a record that changed none."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=EntryKind.values)
    amount = serializers.IntegerField(
        help_text="XP that was credited, negative for a loss."
    )
    quantity = serializers.IntegerField(help_text="Units that were recorded.")
    rewarded = serializers.IntegerField(
        help_text="Units that earned XP; the others were over a limit."
    )
    occurred_at = serializers.DateTimeField()
    local_date = serializers.DateField(help_text="The user's own date at that time.")
    recorded_at = serializers.DateTimeField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="What it was earned with; may be empty."
    )


class OutcomeEntrySerializer(EntrySerializer):
    """The entry that was written to the ledger."""

    activity = serializers.CharField(
        source="activity_id", allow_null=True, help_text="Key of what was recorded."
    )
    key = serializers.CharField(allow_null=True)


class WithheldSerializer(ResponseSerializer):
    """XP that was not earned, and from when it can be earned again."""

    xp = serializers.IntegerField()
    quantity = serializers.IntegerField(help_text="Units that earned nothing.")
    reason = serializers.ChoiceField(choices=WithheldReason.values)
    earnable_at = serializers.DateTimeField()


class UnlockSerializer(ResponseSerializer):
    """An achievement that was unlocked, with the XP that it gave."""

    achievement = serializers.CharField(help_text="Its key.")
    name = serializers.CharField()
    icon = serializers.CharField()
    xp = serializers.IntegerField()


class NoticeSerializer(ResponseSerializer):
    """A celebration that waits for the user."""

    id = serializers.IntegerField(allow_null=True)
    kind = serializers.ChoiceField(choices=CelebrationKind.values)
    data = serializers.DictField()  # type: ignore[assignment]


class OutcomeSerializer(ResponseSerializer):
    """All that a request changed, and why nothing did."""

    entry = OutcomeEntrySerializer(
        allow_null=True, help_text="null where there was nothing to write."
    )
    credited = serializers.IntegerField(help_text="XP of the entry itself.")
    withheld = WithheldSerializer(allow_null=True)
    total_xp = serializers.IntegerField()
    level_before = serializers.IntegerField()
    level = serializers.IntegerField()
    current_streak = serializers.IntegerField(help_text="Days.")
    longest_streak = serializers.IntegerField(help_text="Days.")
    unlocks = UnlockSerializer(many=True)
    celebrations = NoticeSerializer(many=True)
    replayed = serializers.BooleanField(
        help_text="It was done before; this is the first outcome."
    )


#: Terms of a contract whose operation answers with ``answer``.
ANSWERED: Final[dict[str, Any]] = {
    "answer": OutcomeSerializer,
    "status": 201,
    "also": {
        200: Also("It was done before: the first outcome.", REPLAY_EXAMPLE),
    },
    "answer_headers": (REPLAYED_HEADER,),
    "example": EXAMPLE,
}


def answer(outcome: Outcome, activity: str | None = None) -> Response:
    """Return an answer with ``outcome``: 201, or 200 for a replay.

    ``activity`` is the key of the activity that its entry is about.
    """
    return Response(
        outcome_data(outcome, activity),
        status_of_outcome(outcome),
        headers=replay_headers(is_replay=outcome.replayed),
    )


def outcome_data(outcome: Outcome, activity: str | None = None) -> dict[str, Any]:
    """Return ``outcome`` in its shape."""
    data = OutcomeSerializer.of(outcome)
    if data["entry"]:
        # Outcomes name activities by id, clients by key.
        data["entry"]["activity"] = activity
    return data


def status_of_outcome(outcome: Outcome) -> int:
    return 200 if outcome.replayed else 201


def replay_headers(*, is_replay: bool) -> dict[str, str]:
    return {REPLAYED_HEADER.name: "true"} if is_replay else {}
