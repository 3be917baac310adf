"""Edits of what the client has seen, and of nothing else (RFC 9110, If-Match)."""

from __future__ import annotations

from typing import Final

from django.utils.http import parse_etags
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from gamification.api.operations import Header

IF_MATCH: Final = Header(
    "If-Match",
    "The ETag of what is edited, or * for whatever is there.",
    is_required=True,
)
ETAG: Final = Header("ETag", "What If-Match asks for.")


class PreconditionRequired(APIException):
    """The request does not say what it edits."""

    status_code = 428
    default_code = "precondition_required"
    default_detail = "If-Match must say what is edited, with the ETag of it."


def etag_of(tag: str) -> str:
    """Return ``tag`` as a header has it."""
    return f'"{tag}"'


def expected_tag(request: Request) -> str | None:
    """Return the tag of what the client has seen; None for whatever is there.

    Raises ``PreconditionRequired``.
    """
    header = request.headers.get("If-Match", "").strip()
    if not header:
        raise PreconditionRequired
    if header == "*":
        return None
    # What compresses an answer makes its tag weak. Several tags are none that is known.
    return ",".join(tag.removeprefix("W/").strip('"') for tag in parse_etags(header))
