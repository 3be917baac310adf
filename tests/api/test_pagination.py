from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from gamification.api.pagination import (
    CursorQuery,
    PageQuery,
    cursor_page_serializer,
    page_serializer,
    paginate,
    paginate_by_cursor,
)
from gamification.api.serializers import ResponseSerializer

LETTERS = "abcdefg"
HERE = "http://testserver/letters/"


class LetterSerializer(ResponseSerializer):
    """A letter."""

    letter = serializers.CharField(source="*")


def asked(address: str) -> Request:
    return Request(APIRequestFactory().get(address))


def page(number: int, size: int, letters: str = LETTERS):
    """Return that page of ``letters``, asked for with another parameter."""
    request = asked(f"/letters/?a=1&page={number}")
    query = {"page": number, "page_size": size}
    return paginate(request, query, len(letters), lambda *span: letters[slice(*span)])


def test_a_page_in_the_middle_tells_where_its_neighbours_are():
    middle = page(2, 3)

    assert (middle.count, middle.results) == (7, "def")
    assert middle.next == f"{HERE}?a=1&page=3"
    assert middle.previous == f"{HERE}?a=1&page=1"


def test_the_last_page_has_none_after_it():
    assert (page(3, 3).results, page(3, 3).next) == ("g", None)


def test_the_first_page_has_none_before_it():
    assert (page(1, 7).results, page(1, 7).previous, page(1, 7).next) == (
        LETTERS,
        None,
        None,
    )


def test_the_first_page_is_there_even_if_nothing_is_on_it():
    assert page(1, 3, letters="").results == ""


@pytest.mark.parametrize("number", [4, 1_000_000])
def test_a_page_after_the_last_is_not_there(number):
    with pytest.raises(Http404):
        page(number, 3)


def rows(first: int, last: int):
    return lambda limit: [SimpleNamespace(id=i) for i in range(first, last)][:limit]


def test_a_cursor_page_links_to_the_next_one():
    part = paginate_by_cursor(
        asked("/letters/?limit=2&cursor=3"), {"limit": 2}, rows(4, 9)
    )

    assert [row.id for row in part.results] == [4, 5]
    assert part.next == f"{HERE}?cursor=5&limit=2"


def test_the_last_cursor_page_has_none_after_it():
    part = paginate_by_cursor(asked("/letters/"), {"limit": 2}, rows(4, 6))

    assert ([row.id for row in part.results], part.next) == ([4, 5], None)


def test_a_page_has_a_serializer():
    serializer = page_serializer(
        LetterSerializer, extra=lambda: serializers.IntegerField(source="count")
    )

    assert serializer.__name__ == "LetterPageSerializer"
    assert serializer.serialize(page(3, 3)) == {
        "count": 7,
        "next": None,
        "previous": f"{HERE}?a=1&page=2",
        "results": [{"letter": "g"}],
        "extra": 7,
    }


def test_a_cursor_page_has_a_serializer():
    part = paginate_by_cursor(asked("/letters/"), {"limit": 2}, rows(4, 5))
    serializer = cursor_page_serializer(LetterSerializer)

    assert serializer.__name__ == "LetterCursorPageSerializer"
    assert serializer.serialize(part) == {
        "next": None,
        "results": [{"letter": part.results[0]}],
    }


def test_pages_are_bounded():
    assert PageQuery().run_validation({}) == {"page": 1, "page_size": 50}
    with pytest.raises(serializers.ValidationError) as caught:
        PageQuery().run_validation({"page": "1000001", "page_size": "101"})

    assert caught.value.get_codes() == {
        "page": ["max_value"],
        "page_size": ["max_value"],
    }


@pytest.mark.parametrize("cursor", ["abc", "\0", "0", "-1", "1" * 24, "p=1", "9" * 19])
def test_a_forged_cursor_is_refused(cursor):
    with pytest.raises(serializers.ValidationError) as caught:
        CursorQuery().run_validation({"cursor": cursor})

    assert caught.value.get_codes()["cursor"][0] in {
        "invalid",
        "min_value",
        "max_value",
    }
