"""Parsers of bodies and queries. They refuse input with more than one meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import IO, Any, Final
from urllib.parse import parse_qsl

from django.utils.http import parse_header_parameters
from rest_framework.exceptions import (
    APIException,
    ParseError,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.parsers import BaseParser

from gamification.strict_json import InvalidJSONError, parse_json

#: The largest body, in bytes. It has room for 1,000 long records.
MAX_BODY: Final = 2**21
#: How many repeated names an error lists. A single body can repeat far more.
MAX_REPEATED: Final = 3
#: More parameters than any operation has.
MAX_PARAMETERS: Final = 100


class BodyTooLarge(APIException):
    """The body is larger than 2 MiB."""

    status_code = 413
    default_code = "body_too_large"
    default_detail = "The body is larger than 2 MiB."


class StrictJSONParser(BaseParser):
    """Parses UTF-8; refuses a byte order mark, repeated names, NaN and Infinity."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        _, parameters = parse_header_parameters(media_type or "")
        if parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(media_type or self.media_type)
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise BodyTooLarge
        try:
            return parse_json(body)
        except InvalidJSONError as error:
            reason = InvalidJSONError(error.reason, *error.places[:MAX_REPEATED])
            raise ParseError(f"The body is not valid JSON. {reason}.") from error


def read_parameters(text: str) -> dict[str, str]:
    """Return the parameters of a query.

    Raises ``ParseError`` for input that RFC 3986 or UTF-8 does not allow. Django would
    replace it, or decode it with the charset of the body. Raises ``ValidationError``
    for a repeated parameter.
    """
    try:
        text.encode("ascii")
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError as error:
        raise ParseError("The query cannot be read.") from error
    values = dict(pairs)
    if len(values) < len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = {
            name: ["This parameter is repeated."] for name in times if times[name] > 1
        }
        raise ValidationError(twice, code="repeated")
    return values
