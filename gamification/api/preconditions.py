"""Preconditions: edit only the version that the client has seen (RFC 9110)."""

from __future__ import annotations

from typing import Final

from django.utils.http import parse_etags
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from gamification.api.operations import Header

IF_MATCH: Final = Header(
    "If-Match",
    "The ETag of the version that you edit, or * for any version.",
    is_required=True,
)
ETAG: Final = Header("ETag", "The version, for If-Match.")


class PreconditionRequired(APIException):
    """The request has no If-Match header."""

    status_code = 428
    default_code = "precondition_required"
    default_detail = "If-Match must hold the ETag of the version that you edit."


def etag_of(tag: str) -> str:
    """Return ``tag`` as an ETag header holds it."""
    return f'"{tag}"'


def expected_tag(request: Request) -> str | None:
    """Return the tag that the client expects, or None for any version.

    Raises ``PreconditionRequired``.
    """
    header = request.headers.get("If-Match", "").strip()
    if not header:
        raise PreconditionRequired
    if header == "*":
        return None
    # Compression makes a tag weak. Several tags match no version.
    return ",".join(tag.removeprefix("W/").strip('"') for tag in parse_etags(header))
