"""Errors as ``application/problem+json`` (RFC 9457) with a stable ``code``."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import (
    NON_FIELD_ERRORS,
    PermissionDenied,
    SuspiciousOperation,
)
from django.db import DatabaseError, IntegrityError, InterfaceError
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.http.request import RawPostDataException
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions as drf
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from gamification import exceptions as ours
from gamification.api.serializers import ResponseSerializer
from gamification.staff import storage_error

logger = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"
#: How many errors one problem lists. A single request can contain far more.
MAX_ERRORS: Final = 24
#: The form of a plain code. Some apps use whole sentences as codes.
_CODE: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII | re.IGNORECASE)


class FieldErrorSerializer(ResponseSerializer):
    """An error in one part of a request."""

    pointer = serializers.CharField(
        help_text="JSON pointer (RFC 6901) to the part; empty for the whole request."
    )
    code = serializers.CharField(help_text="Stable, for programs.")
    detail = serializers.CharField(help_text="For people.")


class ProblemSerializer(ResponseSerializer):
    """An error (RFC 9457). Programs can rely on ``code``; the wording may change."""

    type = serializers.CharField(help_text="The code as a URN.")
    title = serializers.CharField(help_text="The code in words.")
    status = serializers.IntegerField(help_text="The HTTP status.")
    code = serializers.CharField(help_text="Stable, for programs.")
    detail = serializers.CharField(help_text="For people.")
    errors = FieldErrorSerializer(  # type: ignore[assignment]
        many=True, required=False, help_text="Invalid parts of the request."
    )
    claimed_until = serializers.DateTimeField(
        required=False,
        help_text="With ``celebration_claimed``: when the claim expires.",
    )
    balance = serializers.IntegerField(
        required=False,
        help_text="With ``insufficient_xp``: the XP that the user has.",
    )


#: The status for each of our errors. Subclasses inherit it.
STATUSES: Final[Mapping[type[Exception], int]] = {
    ours.GamificationError: 409,
    ours.InvalidRequestError: 400,
    # By then the syntax of the request has been checked.
    ours.InvalidInstantError: 422,
    ours.InvalidAttributeError: 422,
    ours.UnknownAttributeError: 422,
    ours.InvalidActError: 422,
    ours.InvalidDefinitionError: 422,
    ours.InvalidDefinitionsError: 422,
    ours.InvalidTimeZoneError: 422,
    ours.InvalidSpanError: 422,
    ours.InvalidPeriodError: 422,
    ours.InvalidCursorError: 422,
    ours.InvalidPauseError: 422,
    ours.NotRepairableError: 422,
    ours.UnknownUserError: 422,
    ours.UnknownActivityError: 422,
    ours.UnknownAchievementError: 422,
    ours.UnknownStreakError: 422,
    # Boosts appear in addresses only.
    ours.UnknownBoostError: 404,
    ours.UnknownEntryError: 422,
    ours.IdempotencyConflictError: 422,
    ours.SelfAwardError: 403,
    ours.StaleEditError: 412,
    ours.KeysDifferError: 422,
    # Celebrations appear in addresses only.
    ours.UnknownCelebrationError: 404,
    ours.UnknownScopeError: 404,
    ours.StorageError: 503,
    # Waiting does not help: somebody has to repair the database.
    ours.StorageSetupError: 500,
}

#: Errors that are about the attributes of a record.
_OF_ATTRIBUTES: Final = (ours.InvalidAttributeError, ours.UnknownAttributeError)

#: Parts of an error's context that its problem includes.
MEMBERS: Final[Mapping[type[Exception], tuple[str, ...]]] = {
    ours.CelebrationClaimedError: ("claimed_until",),
    ours.InsufficientXPError: ("balance",),
}


def status_for(error: type[ours.GamificationError]) -> int:
    """Return the HTTP status for a class of our errors."""
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


def problem_from_error(
    error: ours.GamificationError, pointer: str = ""
) -> dict[str, Any]:
    """Return the problem that describes one of our errors.

    ``pointer`` points to the part of the request that it is about.
    """
    names = MEMBERS.get(type(error), ())
    members = {name: error.context[name] for name in names if name in error.context}
    if isinstance(error, ours.InvalidDefinitionError):
        members["errors"] = [*islice(_definition_errors(error), MAX_ERRORS)]
    elif isinstance(error, ours.InvalidDefinitionsError):
        members["errors"] = [*islice(_table_errors(error), MAX_ERRORS)]
    elif isinstance(error, _OF_ATTRIBUTES):
        step = _step(error.context.get("attribute"))
        members["errors"] = [_error_at(f"{pointer}/attributes{step}", error)]
    elif field := error.context.get("field"):
        members["errors"] = [_error_at(pointer + _step(field), error)]
    return problem(status_for(type(error)), error.code, str(error), **members)


def validation_problem(error: drf.ValidationError, pointer: str = "") -> dict[str, Any]:
    """Return the problem that describes an invalid request.

    ``pointer`` points to the part of the request that was validated.
    """
    errors = [*islice(_field_errors(error.get_full_details(), pointer), MAX_ERRORS)]
    return problem(400, "invalid", "The request is invalid.", errors=errors)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the problem for an exception of a view.

    Returns None for a bug, which Django then handles as it does elsewhere.
    """
    members = _problem(error)
    if members is None:
        return None
    set_rollback()
    status = members["status"]
    if members["code"] == ours.StorageSetupError.code:
        # The client gets an answer, but the site's operators have to know, too.
        logger.error("The API answered %s.", status, exc_info=error)
    headers = _headers(error, status)
    return Response(members, status, headers=headers, content_type=CONTENT_TYPE)


@csrf_exempt
@login_not_required
def not_found_view(request: HttpRequest, **kwargs: Any) -> JsonResponse:
    """Return a problem for an address of the API that does not exist."""
    members = _not_found()
    return JsonResponse(members, status=404, content_type=CONTENT_TYPE)


def _problem(error: Exception) -> dict[str, Any] | None:
    match error:
        case ours.GamificationError():
            return problem_from_error(error)
        case drf.ValidationError():
            return validation_problem(error)
        case drf.APIException():
            return _foreign_problem(error)
        case Http404():
            return _not_found()
        case PermissionDenied():
            detail = "You do not have permission to do this."
            return problem(403, "permission_denied", detail)
        case SuspiciousOperation() | RawPostDataException() | UnreadablePostError():
            return problem(400, "malformed", "The request cannot be read.")
        case IntegrityError():
            return None
        case DatabaseError() | InterfaceError():
            return _database_problem(error)
    return None


def _database_problem(error: DatabaseError | InterfaceError) -> dict[str, Any]:
    """Return the problem for an error of the database itself.

    Verbs turn them into ours, except within a transaction of the request.
    """
    named = storage_error(error)
    if isinstance(named, ours.StorageSetupError):
        return problem_from_error(named)
    return problem(503, named.code, "The database is not available.")


def _not_found() -> dict[str, Any]:
    return problem(404, "not_found", "Nothing exists at this address.")


def _foreign_problem(error: drf.APIException) -> dict[str, Any]:
    """Return the problem for an error of the framework or of another app.

    Such an error may carry one message, or any nesting of lists and dictionaries.
    """
    details = [*_leaves(error.detail)]
    named = error.detail.get("code") if isinstance(error.detail, dict) else None
    codes = chain(
        [named], (getattr(each, "code", None) for each in details), [error.default_code]
    )
    code = next((each for each in codes if _is_code(each)), "error")
    message = next(iter(details), error.default_detail)
    return problem(error.status_code, str(code), str(message))


def _leaves(detail: Any) -> Iterator[Any]:
    """Yield the messages of an error, the one named ``detail`` first."""
    if isinstance(detail, dict):
        for name in sorted(detail, key=lambda name: name != "detail"):
            yield from _leaves(detail[name])
    elif isinstance(detail, list):
        for inner in detail:
            yield from _leaves(inner)
    else:
        yield detail


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _field_errors(details: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yield each error with a JSON pointer (RFC 6901) to the part that it is about."""
    if isinstance(details, list):
        for position, inner in enumerate(details):
            is_error = isinstance(inner.get("code"), str)
            yield from _field_errors(inner, path if is_error else f"{path}/{position}")
    elif isinstance(details.get("code"), str):
        detail = _encodable(str(details["message"]))
        yield {"pointer": path, "code": details["code"], "detail": detail}
    else:
        for name, inner in details.items():
            is_whole = name == api_settings.NON_FIELD_ERRORS_KEY
            step = "" if is_whole else f"/{_escaped(str(name))}"
            yield from _field_errors(inner, path + step)


def _definition_errors(error: ours.InvalidDefinitionError) -> Iterator[dict[str, str]]:
    for name, problems in error.errors.items():
        # An error that involves several fields points to the whole definition.
        pointer = "" if name == NON_FIELD_ERRORS else _pointer(name)
        for code, detail in problems:
            yield {"pointer": pointer, "code": code, "detail": _encodable(detail)}


def _table_errors(error: ours.InvalidDefinitionsError) -> Iterator[dict[str, str]]:
    """Yield the errors of several items: ``levels[3].name`` becomes a pointer."""
    for place, detail in error.errors:
        yield {
            "pointer": _pointer(place),
            "code": "invalid",
            "detail": _encodable(detail),
        }


def _pointer(place: str) -> str:
    """Return a place, such as ``levels[3].name``, as a pointer."""
    steps = re.split(r"[\[\].]+", place)
    return "".join(f"/{_escaped(step)}" for step in steps if step)


def _error_at(pointer: str, error: ours.GamificationError) -> dict[str, str]:
    return {"pointer": pointer, "code": error.code, "detail": _encodable(str(error))}


def _step(name: str | None) -> str:
    """Return the step of a pointer to the part with this name; "" without one."""
    return "" if name is None else f"/{_escaped(name)}"


def _escaped(name: str) -> str:
    """Return a name as a part of a pointer, shortened if it is very long."""
    return _encodable(name[:100]).replace("~", "~0").replace("/", "~1")


def _encodable(text: str) -> str:
    # The text may quote the client's input, which can contain lone surrogates.
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
