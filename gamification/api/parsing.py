"""Reads JSON that means one thing only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any, Final, Never

from django.utils.http import parse_header_parameters
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

#: The largest body, in bytes: a batch of 1,000 long records fits.
MAX_BODY: Final = 2**21


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
                body.decode(), object_pairs_hook=_object, parse_constant=_refuse
            )
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not valid JSON in UTF-8.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("A name comes twice in one object.")
    return values


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no number of JSON.")
