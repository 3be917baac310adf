"""Reads bodies and addresses that mean one thing only."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import IO, Any, Final, Never
from urllib.parse import parse_qsl

from django.utils.http import parse_header_parameters
from rest_framework.exceptions import (
    APIException,
    ParseError,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.parsers import BaseParser

#: The largest body, in bytes: a batch of 1,000 long records fits.
MAX_BODY: Final = 2**21
#: More parameters than any operation knows.
MAX_PARAMETERS: Final = 100


class BodyTooLarge(APIException):
    """The body is larger than 2 MiB."""

    status_code = 413
    default_code = "body_too_large"
    default_detail = "The body is larger than 2 MiB."


class StrictJSONParser(BaseParser):
    """Takes UTF-8 without a mark, no name twice, no number that JSON does not have."""

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
            return json.loads(
                body.decode(),
                object_pairs_hook=_object,
                parse_float=_finite,
                parse_constant=_refuse,
            )
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not valid JSON in UTF-8.") from error


def read_parameters(text: str) -> dict[str, str]:
    """Return the parameters after the question mark, each of which comes once.

    Raises ``ParseError`` for what RFC 3986 and UTF-8 do not allow, which Django would
    replace, or read in the charset that the body claims to have.
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
        raise ParseError("The address cannot be read.") from error
    values = dict(pairs)
    if len(values) < len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = {name: ["It comes twice."] for name in times if times[name] > 1}
        raise ValidationError(twice, code="repeated")
    return values


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError("The number is too large.")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("A name comes twice in one object.")
    return values


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no number of JSON.")
