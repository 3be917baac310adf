"""Reports of what users did, by other services and trusted clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.exceptions import ProblemSerializer, invalid, problem, problem_of
from gamification.api.fields import Body, Instant, Slug, Text, Whole
from gamification.api.idempotency import KEY_HEADER, header_key, key_of
from gamification.api.operations import Also, operation
from gamification.api.serializers import ResponseSerializer
from gamification.api.user_lookup import find_users
from gamification.api.views.base import GamificationViewSet
from gamification.api.views.outcomes import (
    ANSWERED,
    REPLAY_EXAMPLE,
    OutcomeSerializer,
    answer,
    outcome_data,
    replay_headers,
    status_of_outcome,
)
from gamification.conf import conf
from gamification.services import (
    ActivityRecord,
    Outcome,
    record_activity,
    record_each,
)
from gamification.staff import (
    MAX_NAME,
)

T = TypeVar("T")

#: Why a record was refused.
Refusal: TypeAlias = ours.GamificationError | ValidationError

#: Records in one request.
_MOST: Final = 1_000

_MEANING_OF_200: Final = (
    "It was done before: the first outcome. To a list: what became of each record."
)
_EXAMPLE_RESULTS: Final = [
    {"status": 200, "outcome": REPLAY_EXAMPLE, "problem": None},
    {
        "status": 422,
        "outcome": None,
        "problem": problem(422, "unknown_user", "There is no such user."),
    },
]


class RecordBody(Body):
    """A report that a user did an activity."""

    user = Text(max_length=MAX_NAME, help_text="The user's public name.")
    activity = Slug(help_text="The activity's key.")
    occurred_at = Instant(required=False, help_text="Now, if it is not given.")
    quantity = Whole(
        min_value=1,
        max_value=1_000_000,
        default=1,
        help_text="In units of the activity.",
    )
    key = Text(
        max_length=MAX_NAME,
        required=False,
        help_text="Makes the record once for its user, however often it is sent.",
    )
    source = Text(  # type: ignore[assignment]
        max_length=MAX_NAME,
        allow_blank=True,
        default="",
        help_text="What it came from, such as `visions.kpi:42`.",
    )


class ResultSerializer(ResponseSerializer):
    """What became of one of several records: an outcome or a problem."""

    status = serializers.IntegerField(
        help_text="What the record would be answered with if it came alone."
    )
    outcome = OutcomeSerializer(allow_null=True)
    problem = ProblemSerializer(allow_null=True)


class ResultsSerializer(ResponseSerializer):
    """What became of several records, in their order."""

    results = ResultSerializer(many=True)


class RecordsViewSet(GamificationViewSet):
    """Reports of what users did."""

    @operation(
        **ANSWERED
        | {"also": {200: Also(_MEANING_OF_200, {"results": _EXAMPLE_RESULTS})}},
        body=RecordBody,
        takes_many=True,
        answer_to_many=ResultsSerializer,
        headers=(KEY_HEADER,),
        permission="gamification.record_activity",
        scope="record",
        errors=(
            ours.InvalidKeyError,
            ours.KeyRequiredError,
            ours.UnknownUserError,
            ours.UnknownActivityError,
            ours.InactiveActivityError,
            ours.InvalidInstantError,
            ours.TooOldError,
            ours.InFutureError,
            ours.KeysDifferError,
            ours.IdempotencyConflictError,
            ours.OutOfRangeError,
        ),
        example_body={
            "user": "ada",
            "activity": "kpi_completed",
            "occurred_at": "2026-03-02T08:30:00Z",
            "key": "kpi-42",
            "source": "visions.kpi:42",
        },
    )
    def create(self, request: Request, body: dict[str, Any] | list[Any]) -> Response:
        """Record that users did something: one record, or 1 to 1,000 in a list.

        A key makes a record once for its user, however often it is sent: its own
        `key`, or the header. A record of a list that has none is given the key
        `{header}:{position}`, counted from 0.

        A list is always answered with 200 and a result for each record; one that is
        refused stops none of the others.
        """
        if isinstance(body, list):
            return _answer_each(body, header_key(request))
        record = _record(body, find_users([body["user"]]), key_of(request, body))
        outcome = record_activity(
            record.user,
            record.activity,
            occurred_at=record.occurred_at,
            quantity=record.quantity,
            key=record.key,
            source=record.source,
        )
        return answer(outcome, record.activity)


def _record(
    body: Mapping[str, Any], users: Mapping[str, Any], key: str | None
) -> ActivityRecord:
    """Return what ``body`` reports; raise ``KeyRequiredError``, ``UnknownUserError``.

    ``users`` are by name.
    """
    if key is None and conf.REQUIRE_KEYS:
        raise ours.KeyRequiredError
    if body["user"] not in users:
        raise ours.UnknownUserError
    return ActivityRecord(
        user=users[body["user"]],
        activity=body["activity"],
        occurred_at=body.get("occurred_at"),
        quantity=body["quantity"],
        key=key,
        source=body["source"],
    )


def _answer_each(items: list[Any], header: str | None) -> Response:
    if not 1 <= len(items) <= _MOST:
        message = f"Between 1 and {_MOST:,} records are taken at once."
        raise ValidationError(message, code="length")
    records = _records(items, header)
    taken = [record for record in records if isinstance(record, ActivityRecord)]
    made = iter(record_each(taken))
    results = [
        (record.activity, next(made))
        if isinstance(record, ActivityRecord)
        else ("", record)
        for record in records
    ]
    is_replay = all(isinstance(r, Outcome) and r.replayed for _, r in results)
    return Response(
        {"results": [_result(n, *result) for n, result in enumerate(results)]},
        headers=replay_headers(is_replay=is_replay),
    )


def _records(
    items: Iterable[Any], header: str | None
) -> list[ActivityRecord | Refusal]:
    """Return the record that each of ``items`` is, or why it is refused."""
    form = RecordBody()
    bodies = [_attempt(form.run_validation, item) for item in items]
    users = find_users(body["user"] for body in bodies if isinstance(body, dict))
    return [
        _attempt(_record, body, users, body.get("key") or (header and f"{header}:{n}"))
        if isinstance(body, dict)
        else body
        for n, body in enumerate(bodies)
    ]


def _attempt(work: Callable[..., T], *args: Any) -> T | Refusal:
    try:
        return work(*args)
    except (ours.GamificationError, ValidationError) as refusal:
        return refusal


def _result(position: int, activity: str, result: Outcome | Refusal) -> dict[str, Any]:
    if isinstance(result, Outcome):
        data = outcome_data(result, activity)
        return {"status": status_of_outcome(result), "outcome": data, "problem": None}
    if isinstance(result, ValidationError):
        refusal = invalid(result, f"/{position}")
    else:
        refusal = problem_of(result)
    return {"status": refusal["status"], "outcome": None, "problem": refusal}
