"""Preconditions: edit only the version that the client has seen (RFC 9110)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from django.utils.http import parse_etags
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from gamification.api.operations import Header

IF_MATCH: Final = Header(
    "If-Match",
    "The ETag of the version that you edit, or * for any version.",
    is_required=True,
)
ETAG: Final = Header("ETag", "The version, for If-Match.")


#: Stands between the version and the digest of a body.
_SEPARATOR: Final = "."


class PreconditionRequired(APIException):
    """The request has no If-Match header."""

    status_code = 428
    default_code = "precondition_required"
    default_detail = "If-Match must hold the ETag of the version that you edit."


def etag_of(tag: str) -> str:
    """Return ``tag`` as an ETag header holds it."""
    return f'"{tag}"'


def bind_to_body(response: Response) -> None:
    """Add a digest of the body to the ETag, which ``expected_tag`` leaves out.

    A body says more than the version, such as the state of a boost. A middleware of the
    site may answer 304 to a request that has its ETag.
    """
    body = blake2b(response.content, digest_size=8).hexdigest()
    version = response["ETag"].strip('"')
    response["ETag"] = etag_of(f"{version}{_SEPARATOR}{body}")


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
    tags = (tag.removeprefix("W/").strip('"') for tag in parse_etags(header))
    return ",".join(tag.partition(_SEPARATOR)[0] for tag in tags)
