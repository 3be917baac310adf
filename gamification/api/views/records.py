"""Records of activities, sent by other services and trusted clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.exceptions import (
    ProblemSerializer,
    problem,
    problem_from_error,
    validation_problem,
)
from gamification.api.fields import (
    AttributesField,
    BodySerializer,
    KeyField,
    StrictDateTimeField,
    StrictIntegerField,
    TextField,
)
from gamification.api.idempotency import (
    KEY_HEADER,
    KeyTextField,
    header_key,
    idempotency_key,
    key_in_list,
)
from gamification.api.operations import Alternative, operation
from gamification.api.serializers import ResponseSerializer
from gamification.api.user_lookup import find_users
from gamification.api.views.base import GamificationViewSet
from gamification.api.views.outcomes import (
    OUTCOME_RESPONSE,
    REPLAY_EXAMPLE,
    OutcomeSerializer,
    outcome_response,
    outcome_status,
    replay_headers,
    serialize_outcome,
)
from gamification.conf import conf
from gamification.services import (
    ActivityRecord,
    Outcome,
    record_activity,
    record_each,
)
from gamification.staff import MAX_NAME
from gamification.suggestions import shown

T = TypeVar("T")

#: Why a record was refused.
Refusal: TypeAlias = ours.GamificationError | ValidationError

#: Records in one request.
_MAX_RECORDS: Final = 1_000

_MEANING_OF_200: Final = (
    "Done before: the first outcome. For a list: the result of each record."
)
_EXAMPLE_RESULTS: Final = [
    {"status": 200, "outcome": REPLAY_EXAMPLE, "problem": None},
    {
        "status": 422,
        "outcome": None,
        "problem": problem(422, "unknown_user", "No user has the public name 'adah'."),
    },
]


class RecordBody(BodySerializer):
    """A record of an activity that a user did."""

    user = TextField(max_length=MAX_NAME, help_text="The user's public name.")
    activity = KeyField(help_text="The activity's key.")
    occurred_at = StrictDateTimeField(required=False, help_text="The default is now.")
    quantity = StrictIntegerField(
        min_value=1,
        max_value=1_000_000,
        default=1,
        help_text="Units of the activity.",
    )
    key = KeyTextField(
        help_text="Makes it count only once for its user, however often it is sent.",
    )
    source = TextField(  # type: ignore[assignment]
        max_length=MAX_NAME,
        allow_blank=True,
        default="",
        help_text="The object that caused it, such as `visions.kpi:42`.",
    )
    attributes = AttributesField(
        required=False, help_text="Values of the attributes that the activity declares."
    )


class RecordResultSerializer(ResponseSerializer):
    """The result of one record of a list: an outcome or a problem."""

    status = serializers.IntegerField(
        help_text="The status that the record would have if sent alone."
    )
    outcome = OutcomeSerializer(allow_null=True)
    problem = ProblemSerializer(allow_null=True)


class RecordResultsSerializer(ResponseSerializer):
    """The results of a list of records, in the same order."""

    results = RecordResultSerializer(many=True)


class RecordsViewSet(GamificationViewSet):
    """Records of activities."""

    @operation(
        **OUTCOME_RESPONSE
        | {
            "alternatives": {
                200: Alternative(_MEANING_OF_200, {"results": _EXAMPLE_RESULTS})
            }
        },
        body=RecordBody,
        takes_list=True,
        list_response=RecordResultsSerializer,
        request_headers=(KEY_HEADER,),
        permission="gamification.record_activity",
        scope="record",
        errors=(
            ours.InvalidKeyError,
            ours.KeyRequiredError,
            ours.UnknownUserError,
            ours.UnknownActivityError,
            ours.InactiveActivityError,
            ours.UnknownAttributeError,
            ours.InvalidAttributeError,
            ours.UserExcludedError,
            ours.InvalidInstantError,
            ours.TooOldError,
            ours.InFutureError,
            ours.KeysDifferError,
            ours.IdempotencyConflictError,
            ours.OutOfRangeError,
        ),
        body_example={
            "user": "ada",
            "activity": "kpi_completed",
            "occurred_at": "2026-03-02T08:30:00Z",
            "key": "kpi-42",
            "source": "visions.kpi:42",
            "attributes": {"area": "health", "weeks": 6},
        },
    )
    def create(self, request: Request, body: dict[str, Any] | list[Any]) -> Response:
        """Record one activity, or a list of 1 to 1,000 activities.

        With a key, a record takes effect only once for its user, however often it is
        sent. The key is the record's own `key` or the header. In a list, a record
        without its own key gets one made of the header and its position, which no other
        request can have.

        The response to a list has status 200 and a result for each record. A refused
        record does not stop the others.
        """
        if isinstance(body, list):
            return _record_list(body, header_key(request))
        record = _record(
            body, find_users([body["user"]]), idempotency_key(request, body)
        )
        outcome = record_activity(
            record.user,
            record.activity,
            occurred_at=record.occurred_at,
            quantity=record.quantity,
            key=record.key,
            source=record.source,
            attributes=record.attributes,
        )
        if outcome.entry is None:
            # Only a record of an excluded user has no entry and yet no error.
            raise ours.UserExcludedError
        return outcome_response(outcome, record.activity)


def _record(
    body: Mapping[str, Any], users: Mapping[str, Any], key: str | None
) -> ActivityRecord:
    """Return the record that ``body`` describes.

    ``users`` maps public names to users. Raises ``KeyRequiredError`` and
    ``UnknownUserError``.
    """
    if key is None and conf.REQUIRE_KEYS:
        message = (
            "Every record needs a key here (REQUIRE_KEYS): send it as `key` or in the "
            f"header {KEY_HEADER.name}."
        )
        raise ours.KeyRequiredError(message)
    if (name := body["user"]) not in users:
        raise ours.UnknownUserError(f"No user has the public name {shown(name)}.")
    return ActivityRecord(
        user=users[body["user"]],
        activity=body["activity"],
        occurred_at=body.get("occurred_at"),
        quantity=body["quantity"],
        key=key,
        source=body["source"],
        attributes=body.get("attributes"),
    )


def _record_list(items: list[Any], header: str | None) -> Response:
    if not 1 <= len(items) <= _MAX_RECORDS:
        message = f"A list must hold 1 to {_MAX_RECORDS:,} records, not {len(items):,}."
        raise ValidationError(message, code="length")
    records = _records(items, header)
    accepted = [record for record in records if isinstance(record, ActivityRecord)]
    outcomes = iter(record_each(accepted))
    results = [
        (record.activity, next(outcomes))
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
    """Return the record that each item describes, or why it is refused."""
    serializer = RecordBody()
    bodies = [_attempt(serializer.run_validation, item) for item in items]
    users = find_users(body["user"] for body in bodies if isinstance(body, dict))
    return [
        _attempt(_record, body, users, body.get("key") or key_in_list(header, n))
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
        data = serialize_outcome(result, activity)
        return {"status": outcome_status(result), "outcome": data, "problem": None}
    if isinstance(result, ValidationError):
        refusal = validation_problem(result, f"/{position}")
    else:
        refusal = problem_from_error(result, f"/{position}")
    return {"status": refusal["status"], "outcome": None, "problem": refusal}
