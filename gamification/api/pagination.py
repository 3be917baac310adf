"""Lists in parts: by number, or from where the last part ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from gamification.api.fields import Query, WholeText
from gamification.api.serializers import ResponseSerializer
from gamification.staff import (
    MAX_ID,
)


class PageQuery(Query):
    """Which page, and how many are on one."""

    page = WholeText(min_value=1, max_value=1_000_000, default=1)
    page_size = WholeText(min_value=1, max_value=100, default=50)


class CursorQuery(Query):
    """From where on, and how many."""

    cursor = WholeText(
        min_value=1, max_value=MAX_ID, required=False, help_text="From ``next``."
    )
    limit = WholeText(min_value=1, max_value=100, default=50)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, with the addresses of those beside it."""

    count: int
    next: str | None
    previous: str | None
    results: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a list that goes on from where the last one ended."""

    next: str | None
    results: Sequence[Any]


def page_of(
    shape: type[ResponseSerializer], **also: Callable[[], serializers.IntegerField]
) -> type[ResponseSerializer]:
    """Return the shape of a ``Page`` of such things, with fields that it also has."""
    fields = {
        "__doc__": f"A page of: {shape.__doc__}",
        "count": serializers.IntegerField(help_text="On all pages."),
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
        "results": shape(many=True),
        **{name: make() for name, make in also.items()},
    }
    return _derived(shape, "Page", fields)


def stretch_of(shape: type[ResponseSerializer]) -> type[ResponseSerializer]:
    """Return the shape of a ``Stretch`` of such things."""
    fields = {
        "__doc__": f"A stretch of: {shape.__doc__}",
        "next": serializers.URLField(allow_null=True),
        "results": shape(many=True),
    }
    return _derived(shape, "Stretch", fields)


def _derived(
    shape: type[ResponseSerializer], kind: str, fields: dict[str, Any]
) -> type[ResponseSerializer]:
    name = shape.__name__.removesuffix("ResponseSerializer")
    return type(f"{name}{kind}ResponseSerializer", (ResponseSerializer,), fields)


def paginate(
    request: Request,
    query: Mapping[str, Any],
    count: int,
    read: Callable[[int, int], Sequence[Any]],
) -> Page:
    """Return the page that ``query`` asks for; ``Http404`` if there is none.

    ``read`` returns the things between two positions.
    """
    page, size = query["page"], query["page_size"]
    begin = (page - 1) * size
    if begin >= count and page > 1:
        raise Http404
    return Page(
        count,
        _address(request, "page", page + 1) if begin + size < count else None,
        _address(request, "page", page - 1) if page > 1 else None,
        read(begin, min(begin + size, count)),
    )


def stretch(
    request: Request, query: Mapping[str, Any], read: Callable[[int], Sequence[Any]]
) -> Stretch:
    """Return the stretch that ``query`` asks for.

    ``read`` returns so many things, each with an ``id`` to go on from.
    """
    limit = query["limit"]
    found = read(limit + 1)
    results = found[:limit]
    more = len(found) > limit
    return Stretch(
        _address(request, "cursor", results[-1].id) if more else None, results
    )


def _address(request: Request, name: str, value: object) -> str:
    return replace_query_param(request.build_absolute_uri(), name, str(value))
