"""Leaderboards: users ordered by the XP that they have earned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from django.http import Http404
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from gamification.api.fields import QuerySerializer, StrictChoiceField, TextField
from gamification.api.operations import operation
from gamification.api.pagination import Page, PageQuery, address_with, paginate
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.base import GamificationViewSet
from gamification.exceptions import (
    InvalidCursorError,
    InvalidPeriodError,
    UnknownScopeError,
)
from gamification.leaderboards import (
    MAX_DEPTH,
    LeaderboardEntry,
    LeaderboardPage,
    PeriodState,
    Ranking,
    Window,
    Winners,
    get_leaderboard,
    get_winners,
)
from gamification.user_lookup import public_name

EXAMPLE: Final = {
    "window": "week",
    "period": "2026-W10",
    "state": "open",
    "is_provisional": False,
    "starts_at": "2026-03-02T00:00:00Z",
    "ends_at": "2026-03-09T00:00:00Z",
    "zone": "UTC",
    "ranking": "competition",
    "count": 2,
    "next": None,
    "previous": None,
    "cursor": None,
    "results": [
        {"rank": 1, "user": "eve", "score": 90, "gap_to_next": None},
        {"rank": 2, "user": "ada", "score": 60, "gap_to_next": 30},
    ],
    "me": {"rank": 2, "score": 60, "gap_to_next": 30},
}
_WINNERS_EXAMPLE: Final = {
    "window": "week",
    "period": "2026-W10",
    "state": "final",
    "results": EXAMPLE["results"],
}
_NAME_HELP: Final = "The name of the period, such as 2026-W48; all for all time."
_STATE_HELP: Final = "Open; settling, from its end until its board is closed; or final."


class LeaderboardResponse(NamedTuple):
    """A leaderboard and one of its pages."""

    board: LeaderboardPage
    page: Page


class LeaderboardQuery(PageQuery):
    """The page of a leaderboard, and how to rank."""

    ranking = StrictChoiceField(
        choices=Ranking.values,
        default=Ranking.COMPETITION,
        help_text="How ties are ranked: 1, 2, 2, 4; 1, 2, 2, 3; or 1, 2, 3, 4.",
    )
    period = TextField(
        required=False,
        max_length=10,
        help_text="The name of a period, such as 2026-11-23, 2026-W48 or 2026-11; the "
        "default is the current one.",
    )
    scope = TextField(
        required=False,
        max_length=100,
        help_text="The name of a leaderboard of other users, such as your friends.",
    )
    after = TextField(
        required=False,
        max_length=255,
        help_text="The ``cursor`` of a page: return the users after it and ignore "
        "``page``. Nobody appears twice while scores rise.",
    )
    around = StrictChoiceField(
        choices=["me"],
        required=False,
        help_text="Return the page with yourself in the middle and ignore ``page``.",
    )


class WinnersQuery(QuerySerializer):
    """The period whose winners are asked for."""

    period = TextField(
        required=False,
        max_length=10,
        help_text="The name of a period; the default is the last one that is over.",
    )
    scope = TextField(
        required=False,
        max_length=100,
        help_text="The name of a leaderboard of other users, such as your friends.",
    )


class LeaderboardPlaceSerializer(ResponseSerializer):
    """The place of the user who sends the request."""

    rank = serializers.IntegerField()
    score = serializers.IntegerField(help_text="XP earned in the period.")
    gap_to_next = serializers.IntegerField(
        allow_null=True, help_text="XP to the next user above; null at the top."
    )


class LeaderboardEntrySerializer(LeaderboardPlaceSerializer):
    """A user's place on a leaderboard."""

    user = serializers.CharField()

    @classmethod
    def serialize(cls, value: LeaderboardEntry) -> dict[str, Any]:
        return super().serialize(value) | {"user": public_name(value.user)}


class LeaderboardSerializer(ResponseSerializer):
    """Public users ordered by the XP that they have earned in a period."""

    window = serializers.ChoiceField(
        choices=Window.values, source="board.period.window"
    )
    starts_at = serializers.DateTimeField(
        source="board.period.starts_at", allow_null=True, help_text="Null for all time."
    )
    ends_at = serializers.DateTimeField(
        source="board.period.ends_at",
        allow_null=True,
        help_text="The end, not included; null for all time.",
    )
    period = serializers.CharField(source="board.period.name", help_text=_NAME_HELP)
    state = serializers.ChoiceField(
        choices=PeriodState.values, source="board.state", help_text=_STATE_HELP
    )
    is_provisional = serializers.BooleanField(
        source="board.is_provisional",
        help_text="Whether the period is over, and late records may still arrive.",
    )
    zone = serializers.CharField(source="board.period.zone")
    ranking = serializers.ChoiceField(choices=Ranking.values, source="board.ranking")
    count = serializers.IntegerField(
        source="board.count",
        help_text="Ranked users. Pages of a final board have the first 1,000 places.",
    )
    next = serializers.URLField(
        source="page.next",
        allow_null=True,
        help_text="Address of the next page; null if there is none.",
    )
    previous = serializers.URLField(
        source="page.previous",
        allow_null=True,
        help_text="Address of the previous page by number; null if there is none.",
    )
    cursor = serializers.CharField(
        source="board.cursor",
        allow_null=True,
        help_text="Send it as ``after`` for the users who follow; null at the end.",
    )
    results = LeaderboardEntrySerializer(many=True, source="page.results")
    me = LeaderboardPlaceSerializer(
        source="board.me",
        allow_null=True,
        help_text="Null if you are not ranked, because you are private or have not "
        "earned XP in the period.",
    )


class WinnersSerializer(ResponseSerializer):
    """Places 1 to 3 of a period, with all who share them."""

    window = serializers.ChoiceField(choices=Window.values, source="period.window")
    period = serializers.CharField(source="period.name", help_text=_NAME_HELP)
    state = serializers.ChoiceField(choices=PeriodState.values, help_text=_STATE_HELP)
    results = LeaderboardEntrySerializer(many=True, source="entries")


class LeaderboardsViewSet(GamificationViewSet):
    """Leaderboards of days, weeks and months, and of all time."""

    lookup_field = "window"
    lookup_value_regex = "|".join(Window.values)

    @operation(
        query=LeaderboardQuery,
        response=LeaderboardSerializer,
        errors=(InvalidCursorError, InvalidPeriodError, UnknownScopeError),
        is_polled=True,
        response_example=EXAMPLE,
    )
    def retrieve(
        self, request: Request, window: str, query: Mapping[str, Any]
    ) -> LeaderboardResponse:
        """Return a page of a leaderboard and the place of the user."""
        is_numbered = {"around", "after"}.isdisjoint(query)
        if is_numbered and query["page"] > MAX_DEPTH // query["page_size"]:
            raise Http404
        around = request.user if "around" in query else None
        board = get_leaderboard(
            window,
            period=query.get("period"),
            scope=query.get("scope"),
            after=query.get("after"),
            ranking=query["ranking"],
            page=query["page"],
            page_size=query["page_size"],
            around=around,
            viewer=request.user,
        )
        page = Page(board.count, None, None, board.entries)
        if is_numbered:
            count = min(board.listed, MAX_DEPTH)
            page = paginate(request, query, count, lambda begin, end: board.entries)
        if page.next is None and board.cursor is not None:
            unused = ("around", "page")
            after = address_with(request, "after", board.cursor, without=unused)
            page = replace(page, next=after)
        return LeaderboardResponse(board, page)

    @action(detail=True)
    @operation(
        query=WinnersQuery,
        response=WinnersSerializer,
        errors=(InvalidPeriodError, UnknownScopeError),
        is_polled=True,
        response_example=_WINNERS_EXAMPLE,
    )
    def winners(
        self, request: Request, window: str, query: Mapping[str, Any]
    ) -> Winners:
        """Return who won a past period: places 1 to 3, with all who share them."""
        return get_winners(window, viewer=request.user, **query)
