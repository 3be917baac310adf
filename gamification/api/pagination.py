"""Lists in pages: by page number, or by a cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param

from gamification.api.fields import QueryIntegerField, QuerySerializer
from gamification.api.serializers import ResponseSerializer
from gamification.staff import MAX_ID


class PageQuery(QuerySerializer):
    """A page by its number."""

    page = QueryIntegerField(
        min_value=1, max_value=1_000_000, default=1, help_text="Starts at 1."
    )
    page_size = QueryIntegerField(
        min_value=1, max_value=100, default=50, help_text="Items per page."
    )


class CursorQuery(QuerySerializer):
    """A page by a cursor."""

    cursor = QueryIntegerField(
        min_value=1,
        max_value=MAX_ID,
        required=False,
        help_text="Take it from ``next``; leave it out for the first page.",
    )
    limit = QueryIntegerField(
        min_value=1, max_value=100, default=50, help_text="Items per page."
    )


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, with the addresses of its neighbours."""

    count: int
    next: str | None
    previous: str | None
    results: Sequence[Any]


@dataclass(frozen=True, slots=True)
class CursorPage:
    """A page of a list that continues from a cursor."""

    next: str | None
    results: Sequence[Any]


def page_example(*results: Any) -> dict[str, Any]:
    """Return an example of a ``Page`` that has all items."""
    return {
        "count": len(results),
        "next": None,
        "previous": None,
        "results": [*results],
    }


def page_serializer(
    item: type[ResponseSerializer], **extra: Callable[[], serializers.IntegerField]
) -> type[ResponseSerializer]:
    """Return the serializer of a ``Page`` of items, with ``extra`` fields."""
    fields = {
        "__doc__": f"A page of results: {item.__doc__}",
        "count": serializers.IntegerField(help_text="Items on all pages."),
        "next": _address_field("next"),
        "previous": _address_field("previous"),
        "results": item(many=True),
        **{name: make() for name, make in extra.items()},
    }
    return _list_serializer(item, "Page", fields)


def cursor_page_serializer(item: type[ResponseSerializer]) -> type[ResponseSerializer]:
    """Return the serializer of a ``CursorPage`` of items."""
    fields = {
        "__doc__": f"A page of results: {item.__doc__}",
        "next": _address_field("next"),
        "results": item(many=True),
    }
    return _list_serializer(item, "CursorPage", fields)


def _address_field(which: str) -> serializers.URLField:
    return serializers.URLField(
        allow_null=True,
        help_text=f"Address of the {which} page; null if there is none.",
    )


def _list_serializer(
    item: type[ResponseSerializer], kind: str, fields: dict[str, Any]
) -> type[ResponseSerializer]:
    name = item.__name__.removesuffix("Serializer")
    return type(f"{name}{kind}Serializer", (ResponseSerializer,), fields)


def paginate(
    request: Request,
    query: Mapping[str, Any],
    count: int,
    read: Callable[[int, int], Sequence[Any]],
) -> Page:
    """Return the page that ``query`` names. Raises ``Http404`` if there is none.

    ``read`` returns the items from one position up to but not including another.
    """
    page, size = query["page"], query["page_size"]
    begin = (page - 1) * size
    if begin >= count and page > 1:
        raise Http404
    return Page(
        count,
        address_with(request, "page", page + 1) if begin + size < count else None,
        address_with(request, "page", page - 1) if page > 1 else None,
        read(begin, min(begin + size, count)),
    )


def paginate_rows(
    request: Request, query: Mapping[str, Any], rows: QuerySet[Any]
) -> Page:
    """Return the page of ``rows`` that ``query`` names, as ``paginate`` does."""
    return paginate(
        request, query, rows.count(), lambda begin, end: [*rows.all()[begin:end]]
    )


def paginate_by_cursor(
    request: Request, query: Mapping[str, Any], read: Callable[[int], Sequence[Any]]
) -> CursorPage:
    """Return the page that ``query`` names.

    ``read`` returns up to the given number of items, each with an ``id``, which
    becomes the cursor of the next page.
    """
    limit = query["limit"]
    found = read(limit + 1)
    results = found[:limit]
    has_more = len(found) > limit
    return CursorPage(
        address_with(request, "cursor", results[-1].id) if has_more else None, results
    )


def address_with(
    request: Request, name: str, value: object, *, without: Iterable[str] = ()
) -> str:
    """Return the address of ``request`` with another value of one parameter."""
    address = request.build_absolute_uri()
    for other in without:
        address = remove_query_param(address, other)
    return replace_query_param(address, name, str(value))
