"""Users in the order of the XP that they earned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from rest_framework import serializers
from rest_framework.request import Request

from gamification.api.fields import Choice, ZoneName
from gamification.api.operations import operation
from gamification.api.pagination import Page, PageQuery, paginate
from gamification.api.serializers import ResponseSerializer
from gamification.api.user_lookup import name_of
from gamification.api.views.base import GamificationViewSet
from gamification.exceptions import InvalidTimeZoneError
from gamification.leaderboards import (
    LeaderboardEntry,
    LeaderboardPage,
    Ranking,
    Window,
    get_leaderboard,
)

EXAMPLE: Final = {
    "window": "week",
    "starts_at": "2026-03-02T00:00:00Z",
    "ends_at": "2026-03-09T00:00:00Z",
    "zone": "UTC",
    "ranking": "competition",
    "count": 2,
    "next": None,
    "previous": None,
    "results": [
        {"rank": 1, "user": "eve", "score": 90, "gap_to_next": None},
        {"rank": 2, "user": "ada", "score": 60, "gap_to_next": 30},
    ],
    "me": {"rank": 2, "score": 60, "gap_to_next": 30},
}


class Board(NamedTuple):
    """A leaderboard, and a page of it."""

    board: LeaderboardPage
    page: Page


class LeaderboardQuery(PageQuery):
    """Which part of a leaderboard, and how it is made."""

    ranking = Choice(
        choices=Ranking.values,
        default=Ranking.COMPETITION,
        help_text="Ranks of equals: 1, 2, 2, 4 or 1, 2, 2, 3 or 1, 2, 3, 4.",
    )
    zone = ZoneName(
        required=False, help_text="IANA zone of the period; that of the site if not."
    )
    around = Choice(
        choices=["me"],
        required=False,
        help_text="The page with the user who asks in its middle; not by number.",
    )


class OwnPlaceSerializer(ResponseSerializer):
    """The place of the user who asks."""

    rank = serializers.IntegerField()
    score = serializers.IntegerField(help_text="XP of the period.")
    gap_to_next = serializers.IntegerField(
        allow_null=True, help_text="XP that the place above has more; null at the top."
    )


class PlaceSerializer(OwnPlaceSerializer):
    """A user's place on a leaderboard."""

    user = serializers.CharField()

    @classmethod
    def of(cls, value: LeaderboardEntry) -> dict[str, Any]:
        return super().of(value) | {"user": name_of(value.user)}


class LeaderboardSerializer(ResponseSerializer):
    """Public users in the order of the XP that they earned in the present period."""

    window = serializers.ChoiceField(
        choices=Window.values, source="board.period.window"
    )
    starts_at = serializers.DateTimeField(
        source="board.period.starts_at", allow_null=True, help_text="Null for all time."
    )
    ends_at = serializers.DateTimeField(
        source="board.period.ends_at",
        allow_null=True,
        help_text="The first instant after it; null for all time.",
    )
    zone = serializers.CharField(source="board.period.zone")
    ranking = serializers.ChoiceField(choices=Ranking.values, source="board.ranking")
    count = serializers.IntegerField(source="page.count", help_text="On all pages.")
    next = serializers.URLField(source="page.next", allow_null=True)
    previous = serializers.URLField(source="page.previous", allow_null=True)
    results = PlaceSerializer(many=True, source="page.results")
    me = OwnPlaceSerializer(
        source="board.me",
        allow_null=True,
        help_text="Null for who is not ranked: private, or without XP in the period.",
    )


class LeaderboardsViewSet(GamificationViewSet):
    """Users in the order of the XP that they earned in a day, week, month, or ever."""

    lookup_field = "window"
    lookup_value_regex = "|".join(Window.values)

    @operation(
        query=LeaderboardQuery,
        answer=LeaderboardSerializer,
        errors=(InvalidTimeZoneError,),
        is_polled=True,
        example=EXAMPLE,
    )
    def retrieve(
        self, request: Request, window: str, query: Mapping[str, Any]
    ) -> Board:
        """Return a page of the leaderboard of a day, week or month, or of all time."""
        around = request.user if "around" in query else None
        board = get_leaderboard(
            window,
            zone=query.get("zone"),
            ranking=query["ranking"],
            page=query["page"],
            page_size=query["page_size"],
            around=around,
            viewer=request.user,
        )
        if around:
            return Board(board, Page(board.count, None, None, board.entries))
        page = paginate(request, query, board.count, lambda begin, end: board.entries)
        return Board(board, page)
