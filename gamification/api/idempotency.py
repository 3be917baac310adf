"""Idempotency keys, which make it safe to send a request again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from rest_framework.request import Request

from gamification.api.fields import TextField
from gamification.api.operations import Header
from gamification.exceptions import InvalidKeyError, KeysDifferError
from gamification.staff import MAX_NAME
from gamification.suggestions import shown

#: Leaves room to append the position of one of 1,000 records.
_KEY: Final = r"^[!-~]{1,250}$"
#: Comes before that position. Client keys cannot contain it, so they never clash.
_SEPARATOR: Final = "\u241f"

KEY_HEADER: Final = Header(
    "Idempotency-Key",
    "Makes it safe to send the request again: a request with the same key has no "
    "further effect and returns the first outcome.",
    schema={"type": "string", "pattern": _KEY},
)
REPLAYED_HEADER: Final = Header(
    "Idempotent-Replayed",
    "Present if everything in the request had been done before.",
    schema={"type": "string", "enum": ["true"]},
)


def header_key(request: Request) -> str | None:
    """Return the key in the header, if any. Raises ``InvalidKeyError``."""
    key: str | None = request.headers.get(KEY_HEADER.name)
    if key is not None and not re.fullmatch(_KEY, key):
        message = (
            f"{KEY_HEADER.name} is {shown(key)}: use 1 to 250 visible ASCII characters."
        )
        raise InvalidKeyError(message)
    return key


class KeyTextField(TextField):
    """An idempotency key in a body."""

    json_schema: ClassVar[Mapping[str, Any]] = {"pattern": r"^[^\u0000\u241f]*$"}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_NAME, required=False, **options)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if _SEPARATOR in text:
            self.fail("unstorable")
        return text


def key_in_list(header: str | None, position: int) -> str | None:
    """Return the key of a record in a list that was sent with the key ``header``."""
    return header and f"{header}{_SEPARATOR}{position}"


def idempotency_key(request: Request, body: Mapping[str, Any]) -> str | None:
    """Return the key in the header or in the body, if any.

    Raises ``InvalidKeyError``, or ``KeysDifferError`` if there are two different keys.
    """
    header, own = header_key(request), body.get("key")
    if header and own and header != own:
        message = (
            f"The key is {shown(header)} in {KEY_HEADER.name} and {shown(own)} in the "
            "body: send one of them."
        )
        raise KeysDifferError(message)
    return header or own
