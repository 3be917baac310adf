"""The boosts of the user who sends the request."""

from __future__ import annotations

from rest_framework.request import Request

from gamification.api.operations import operation
from gamification.api.views.base import GamificationViewSet
from gamification.api.views.boosts.serializers import MINE_EXAMPLE, UserBoostsSerializer
from gamification.staff import get_boosts
from gamification.values import UserBoost


class MyBoostsViewSet(GamificationViewSet):
    """The boosts of the user who sends the request."""

    @operation(
        response=UserBoostsSerializer,
        is_polled=True,
        response_example={"results": [MINE_EXAMPLE]},
    )
    def list(self, request: Request) -> UserBoosts:
        """List the boosts that hold for the user now, then those that are coming."""
        return UserBoosts(get_boosts(request.user))


class UserBoosts:
    """The boosts of a user."""

    def __init__(self, results: list[UserBoost]) -> None:
        self.results = results
