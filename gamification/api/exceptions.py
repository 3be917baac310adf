"""Errors as ``application/problem+json`` (RFC 9457) with a stable ``code``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import (
    NON_FIELD_ERRORS,
    PermissionDenied,
    SuspiciousOperation,
)
from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.http.request import RawPostDataException
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions as drf
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import set_rollback

from gamification import exceptions as ours
from gamification.api.serializers import ResponseSerializer

CONTENT_TYPE: Final = "application/problem+json"
#: How many errors of one request are told; a client can make many.
MAX_ERRORS: Final = 100


class FieldErrorSerializer(ResponseSerializer):
    """What is wrong with one part of a request."""

    pointer = serializers.CharField(help_text="JSON pointer (RFC 6901).")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(ResponseSerializer):
    """What went wrong (RFC 9457). ``code`` is stable, the words are not."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]
    claimed_until = serializers.DateTimeField(
        required=False, help_text="Of ``celebration_claimed``."
    )
    balance = serializers.IntegerField(
        required=False, help_text="Of ``insufficient_xp``: what there is to take."
    )


#: The status of each branch of our own errors; the nearest one counts.
STATUSES: Final[Mapping[type[Exception], int]] = {
    ours.GamificationError: 409,
    ours.InvalidRequestError: 400,
    # Its form was checked before.
    ours.InvalidInstantError: 422,
    ours.InvalidDefinitionError: 422,
    ours.InvalidTimeZoneError: 422,
    ours.InvalidSpanError: 422,
    ours.UnknownUserError: 422,
    ours.UnknownActivityError: 422,
    ours.UnknownAchievementError: 422,
    ours.UnknownEntryError: 422,
    ours.IdempotencyConflictError: 422,
    ours.StaleEditError: 412,
    ours.KeysDifferError: 422,
    # Celebrations are named in addresses only.
    ours.UnknownCelebrationError: 404,
    ours.StorageError: 503,
}

#: Facts behind an error that its problem tells, too.
MEMBERS: Final[Mapping[type[Exception], tuple[str, ...]]] = {
    ours.CelebrationClaimedError: ("claimed_until",),
    ours.InsufficientXPError: ("balance",),
}


def status_of(error: type[ours.GamificationError]) -> int:
    """Return the status that an error of ours is answered with."""
    return next(STATUSES[base] for base in error.__mro__ if base in STATUSES)


def problem(status: int, code: str, detail: str, **members: Any) -> dict[str, Any]:
    """Return the members of a problem."""
    return {
        "type": f"urn:gamification:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": _encodable(detail),
        **members,
    }


def problem_of(error: ours.GamificationError) -> dict[str, Any]:
    """Return the problem that an error of ours is."""
    told = MEMBERS.get(type(error), ())
    facts = {name: error.context[name] for name in told if name in error.context}
    if isinstance(error, ours.InvalidDefinitionError):
        facts["errors"] = [*_definition_errors(error)]
    return problem(status_of(type(error)), error.code, str(error), **facts)


def invalid(error: drf.ValidationError, pointer: str = "") -> dict[str, Any]:
    """Return the problem that a request of the wrong form is.

    ``pointer`` is that of the part of the request which the error is about.
    """
    errors = [*islice(_field_errors(error.get_full_details(), pointer), MAX_ERRORS)]
    detail = "The request does not say what is expected."
    return problem(400, "invalid", detail, errors=errors)


def answer_problem(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer what a view raised; None leaves a bug to the site's own handler."""
    members = _problem(error)
    if members is None:
        return None
    set_rollback()
    status = members["status"]
    headers = _headers(error, status)
    return Response(members, status, headers=headers, content_type=CONTENT_TYPE)


@csrf_exempt
@login_not_required
def unknown_address(request: HttpRequest, **kwargs: Any) -> JsonResponse:
    """Answer every address under the API that nothing else does."""
    members = _not_found()
    return JsonResponse(members, status=404, content_type=CONTENT_TYPE)


def _problem(error: Exception) -> dict[str, Any] | None:
    match error:
        case ours.GamificationError():
            return problem_of(error)
        case drf.ValidationError():
            return invalid(error)
        case drf.APIException():
            code = str(error.get_codes())
            return problem(error.status_code, code, str(error.detail))
        case Http404():
            return _not_found()
        case PermissionDenied():
            return problem(403, "permission_denied", "You may not do this.")
        case SuspiciousOperation() | RawPostDataException() | UnreadablePostError():
            return problem(400, "malformed", "The request cannot be read.")
        case OperationalError() | InterfaceError() | InternalError():
            return problem(503, "storage_error", "The database does not answer.")
    return None


def _not_found() -> dict[str, Any]:
    return problem(404, "not_found", "There is nothing at this address.")


def _field_errors(details: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yield each error with a JSON pointer (RFC 6901) to what it is about."""
    if isinstance(details, list):
        for position, inner in enumerate(details):
            is_error = isinstance(inner.get("code"), str)
            yield from _field_errors(inner, path if is_error else f"{path}/{position}")
    elif isinstance(details.get("code"), str):
        detail = _encodable(str(details["message"]))
        yield {"pointer": path, "code": details["code"], "detail": detail}
    else:
        for name, inner in details.items():
            step = "" if name == "non_field_errors" else f"/{_escaped(str(name))}"
            yield from _field_errors(inner, path + step)


def _definition_errors(error: ours.InvalidDefinitionError) -> Iterator[dict[str, str]]:
    for name, problems in error.errors.items():
        # What several fields break together is about the whole.
        pointer = "" if name == NON_FIELD_ERRORS else f"/{name}"
        for code, detail in problems:
            yield {"pointer": pointer, "code": code, "detail": _encodable(detail)}


def _escaped(name: str) -> str:
    """Return a name as part of a pointer; its beginning, if it is long."""
    return _encodable(name[:100]).replace("~", "~0").replace("/", "~1")


def _encodable(text: str) -> str:
    # What a client sent may be quoted, lone surrogates and all.
    return text.encode(errors="replace").decode()


def _headers(error: Exception, status: int) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(wait)
    if status == 503:
        headers["Retry-After"] = "1"
    return headers
