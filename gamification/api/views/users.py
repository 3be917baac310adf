"""Other users, as far as they are public, and what staff may do for any of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.idempotency import KEY_HEADER, key_of
from gamification.api.operations import operation
from gamification.api.pagination import Page, PageQuery, paginate
from gamification.api.user_lookup import find_user, name_of
from gamification.api.views import user_serializers as shapes
from gamification.api.views.achievement_serializers import (
    HELD_EXAMPLE,
    HeldPageSerializer,
)
from gamification.api.views.base import GamificationViewSet, answering_404
from gamification.api.views.outcomes import ANSWERED, answer
from gamification.models import (
    Activity,
    write_alias,
)
from gamification.services import (
    Outcome,
    ProfileSummary,
    adjust_xp,
    award_achievement,
    get_progress,
    reverse_entry,
    revoke_achievement,
)
from gamification.staff import (
    held_achievements,
)

#: Terms of the contracts of what staff do.
_BY_STAFF: Final[dict[str, Any]] = {**ANSWERED, "scope": "write"}


@dataclass(frozen=True, slots=True)
class PublicProfile:
    """What one user is shown of another."""

    user: str
    progress: ProfileSummary
    #: How many they hold of those that the viewer may see.
    achievements: int


class UsersViewSet(GamificationViewSet):
    """Other users: their public profiles, and what staff do for them."""

    lookup_field = "user"

    @operation(answer=shapes.PublicProfileSerializer, example=shapes.PROFILE_EXAMPLE)
    def retrieve(self, request: Request, user: str) -> PublicProfile:
        """Return where a public user stands.

        Private, inactive and unknown users, and those who never did anything, are all
        answered with 404.
        """
        found = _public_user(user)
        held = held_achievements(found, viewer=request.user).count()
        return PublicProfile(name_of(found), get_progress(found), held)

    @action(detail=True)
    @operation(query=PageQuery, answer=HeldPageSerializer, example=HELD_EXAMPLE)
    def achievements(
        self, request: Request, user: str, query: Mapping[str, Any]
    ) -> Page:
        """Return the achievements of a public user, the latest first.

        Those are left out that are secret to the user who asks.
        """
        held = held_achievements(_public_user(user), viewer=request.user)
        return paginate(request, query, held.count(), lambda a, b: list(held[a:b]))

    @achievements.mapping.post
    @operation(
        **_BY_STAFF,
        body=shapes.AwardBody,
        permission="gamification.award_achievement",
        errors=(
            ours.UnknownAchievementError,
            ours.AchievementNotActiveError,
            ours.OutOfRangeError,
        ),
        example_body={"achievement": "ambassador", "note": "Spoke at the conference."},
    )
    def award(self, request: Request, user: str, body: Mapping[str, Any]) -> Response:
        """Give the user an achievement, and its XP, by hand.

        If the user holds it already, nothing changes.
        """
        outcome = award_achievement(
            find_user(user),
            body["achievement"],
            actor=request.user,
            note=body["note"],
        )
        return answer(outcome)

    @action(
        detail=True, methods=["post"], url_path="achievements/(?P<key>[^/]+)/revoke"
    )
    @operation(
        **_BY_STAFF,
        body=shapes.NoteBody,
        permission="gamification.revoke_achievement",
        errors=(ours.AchievementNotHeldError, ours.OutOfRangeError),
        example_body={"note": "Awarded by mistake."},
    )
    def revoke(
        self, request: Request, user: str, key: str, body: Mapping[str, Any]
    ) -> Response:
        """Take an achievement away from the user, and the XP that it gave.

        If it was revoked before, nothing changes.
        """
        found = find_user(user)
        with answering_404(ours.UnknownAchievementError):
            outcome = revoke_achievement(
                found, key, actor=request.user, reason=body["note"]
            )
        return answer(outcome)

    @action(detail=True, methods=["post"])
    @operation(
        **_BY_STAFF,
        body=shapes.AdjustmentBody,
        headers=(KEY_HEADER,),
        permission="gamification.adjust_xp",
        errors=(
            ours.InvalidKeyError,
            ours.KeysDifferError,
            ours.IdempotencyConflictError,
            ours.InsufficientXPError,
            ours.OutOfRangeError,
        ),
        example_body={"amount": -20, "note": "Counted twice.", "key": "ticket-7"},
    )
    def adjustments(
        self, request: Request, user: str, body: Mapping[str, Any]
    ) -> Response:
        """Add XP to the user's total, or take some, with a note that says why.

        A key makes the adjustment once, however often it is sent.
        """
        outcome = adjust_xp(
            find_user(user),
            amount=body["amount"],
            note=body["note"],
            actor=request.user,
            key=key_of(request, body),
        )
        return answer(outcome)

    @action(detail=True, methods=["post"])
    @operation(
        **_BY_STAFF,
        body=shapes.ReversalBody,
        permission="gamification.reverse_entry",
        errors=(
            ours.UnknownEntryError,
            ours.NotReversibleError,
            ours.OutOfRangeError,
        ),
        example_body={"entry": 4711, "note": "It did not happen."},
    )
    def reversals(
        self, request: Request, user: str, body: Mapping[str, Any]
    ) -> Response:
        """Take back what an entry of the user's ledger credited, on its own date.

        An entry is taken back once; after that nothing changes.
        """
        outcome = reverse_entry(
            find_user(user),
            entry_id=body["entry"],
            actor=request.user,
            note=body["note"],
        )
        return answer(outcome, _activity_of(outcome))


def _activity_of(outcome: Outcome) -> str | None:
    """Return the key of the activity that the outcome's entry is about, if any."""
    if outcome.entry is None or outcome.entry.activity_id is None:
        return None
    activities = Activity.objects.using(write_alias())
    return activities.get(pk=outcome.entry.activity_id).key


def _public_user(name: str) -> Any:
    """Return the active user of this name who is public; otherwise ``Http404``."""
    user = find_user(name, gamification__is_public=True)
    if not user.is_active:
        raise Http404
    return user
