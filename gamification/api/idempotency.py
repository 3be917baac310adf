"""Keys that make a request safe to send again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from rest_framework.request import Request

from gamification.api.operations import Header
from gamification.exceptions import InvalidKeyError, KeysDifferError

#: Leaves room for the position of one record among 1,000.
_KEY: Final = r"^[!-~]{1,250}$"

KEY_HEADER: Final = Header(
    "Idempotency-Key",
    "Makes the request safe to send again: what was done once is not done again, and "
    "the first outcome is answered.",
    schema={"type": "string", "pattern": _KEY},
)
REPLAYED_HEADER: Final = Header(
    "Idempotent-Replayed",
    "There if all of it was done before.",
    schema={"type": "string", "enum": ["true"]},
)


def header_key(request: Request) -> str | None:
    """Return the key of the header, if there is one; raise ``InvalidKeyError``."""
    key: str | None = request.headers.get(KEY_HEADER.name)
    if key is not None and not re.fullmatch(_KEY, key):
        message = "The key in the header is not 1 to 250 visible characters of ASCII."
        raise InvalidKeyError(message)
    return key


def key_of(request: Request, body: Mapping[str, Any]) -> str | None:
    """Return the key of a request, if there is one, from its header or its body.

    Raises ``InvalidKeyError``, and ``KeysDifferError`` if each has one of its own.
    """
    header, own = header_key(request), body.get("key")
    if header and own and header != own:
        raise KeysDifferError
    return header or own
