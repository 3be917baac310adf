"""Public profiles of users, and operations of staff on any user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.idempotency import KEY_HEADER, idempotency_key
from gamification.api.operations import Alternative, operation
from gamification.api.pagination import Page, PageQuery, paginate
from gamification.api.user_lookup import find_public_user, find_user
from gamification.api.views.achievements.serializers import (
    HELD_PAGE_EXAMPLE,
    HeldAchievementPageSerializer,
)
from gamification.api.views.base import GamificationViewSet, not_found_on
from gamification.api.views.outcomes import (
    OUTCOME_RESPONSE,
    UNCHANGED_EXAMPLE,
    outcome_response,
)
from gamification.api.views.users.serializers import (
    PROFILE_EXAMPLE,
    AdjustmentBody,
    AwardBody,
    PublicProfileSerializer,
    ReversalBody,
    RevocationBody,
)
from gamification.models import (
    Activity,
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
    held_once,
)
from gamification.user_lookup import public_name

#: Part of the spec of each operation of staff.
_STAFF_OPERATION: Final[dict[str, Any]] = {**OUTCOME_RESPONSE, "scope": "write"}
#: The same for an operation that has no key, but changes nothing the second time.
_STATE_OPERATION: Final[dict[str, Any]] = {
    **_STAFF_OPERATION,
    "alternatives": {
        200: Alternative(
            "Done before: nothing has changed, and the totals are those of now.",
            UNCHANGED_EXAMPLE,
        )
    },
}


@dataclass(frozen=True, slots=True)
class PublicProfile:
    """A user's profile as others see it."""

    user: str
    progress: ProfileSummary
    #: Unlocked achievements that the viewer may see.
    achievements: int


class UsersViewSet(GamificationViewSet):
    """Public profiles of users, and operations of staff on any user."""

    lookup_field = "user"

    @operation(response=PublicProfileSerializer, response_example=PROFILE_EXAMPLE)
    def retrieve(self, request: Request, user: str) -> PublicProfile:
        """Return the profile of a public user.

        The status is 404 for all others: private, inactive and unknown users, users
        without any activity and, unless the site ranks staff, staff.
        """
        found = find_public_user(user)
        held = held_once(found, viewer=request.user).count()
        return PublicProfile(public_name(found), get_progress(found), held)

    @action(detail=True)
    @operation(
        query=PageQuery,
        response=HeldAchievementPageSerializer,
        response_example=HELD_PAGE_EXAMPLE,
    )
    def achievements(
        self, request: Request, user: str, query: Mapping[str, Any]
    ) -> Page:
        """List the unlocked achievements of a public user, latest first.

        Achievements that you may not see are left out.
        """
        held = held_achievements(find_public_user(user), viewer=request.user)
        return paginate(request, query, held.count(), lambda a, b: list(held[a:b]))

    @achievements.mapping.post
    @operation(
        **_STATE_OPERATION,
        body=AwardBody,
        permission="gamification.award_achievement",
        errors=(
            ours.UnknownAchievementError,
            ours.AchievementNotActiveError,
            ours.UserExcludedError,
            ours.SelfAwardError,
            ours.OutOfRangeError,
        ),
        body_example={"achievement": "ambassador", "note": "Spoke at the conference."},
    )
    def award(self, request: Request, user: str, body: Mapping[str, Any]) -> Response:
        """Award an achievement and its XP to a user.

        If the user has it already, nothing changes. To award it again, if users can
        earn it more than once, send its next ``number``.
        """
        outcome = award_achievement(
            find_user(user),
            body["achievement"],
            number=body.get("number"),
            actor=request.user,
            note=body["note"],
            internal_note=body["internal_note"],
        )
        return outcome_response(outcome)

    @action(
        detail=True, methods=["post"], url_path="achievements/(?P<key>[^/]+)/revoke"
    )
    @operation(
        **_STATE_OPERATION,
        body=RevocationBody,
        permission="gamification.revoke_achievement",
        errors=(ours.AchievementNotHeldError, ours.OutOfRangeError),
        body_example={"note": "Awarded by mistake."},
    )
    def revoke(
        self, request: Request, user: str, key: str, body: Mapping[str, Any]
    ) -> Response:
        """Revoke an achievement of a user, together with its XP.

        If it has been revoked already, nothing changes. If the user has earned it more
        than once, ``number`` says which time to take away; without it, all are.
        """
        found = find_user(user)
        with not_found_on(ours.UnknownAchievementError):
            outcome = revoke_achievement(
                found,
                key,
                number=body.get("number"),
                actor=request.user,
                reason=body["note"],
                internal_note=body["internal_note"],
            )
        return outcome_response(outcome)

    @action(detail=True, methods=["post"])
    @operation(
        **_STAFF_OPERATION,
        body=AdjustmentBody,
        request_headers=(KEY_HEADER,),
        permission="gamification.adjust_xp",
        errors=(
            ours.InvalidKeyError,
            ours.KeysDifferError,
            ours.IdempotencyConflictError,
            ours.InvalidAmountError,
            ours.InsufficientXPError,
            ours.SelfAwardError,
            ours.OutOfRangeError,
        ),
        body_example={"amount": -20, "note": "Counted twice.", "key": "ticket-7"},
    )
    def adjustments(
        self, request: Request, user: str, body: Mapping[str, Any]
    ) -> Response:
        """Add XP to a user's total, or remove XP from it.

        With a key, the adjustment takes effect only once, however often it is sent.
        """
        outcome = adjust_xp(
            find_user(user),
            amount=body["amount"],
            note=body["note"],
            internal_note=body["internal_note"],
            actor=request.user,
            key=idempotency_key(request, body),
        )
        return outcome_response(outcome)

    @action(detail=True, methods=["post"])
    @operation(
        **_STATE_OPERATION,
        body=ReversalBody,
        permission="gamification.reverse_entry",
        errors=(
            ours.UnknownEntryError,
            ours.NotReversibleError,
            ours.OutOfRangeError,
        ),
        body_example={"entry": 4711, "note": "It did not happen."},
    )
    def reversals(
        self, request: Request, user: str, body: Mapping[str, Any]
    ) -> Response:
        """Reverse an entry of a user's ledger, on the date of that entry.

        If it has been reversed already, nothing changes.
        """
        outcome = reverse_entry(
            find_user(user),
            entry_id=body["entry"],
            fingerprint=body.get("fingerprint"),
            actor=request.user,
            note=body["note"],
            internal_note=body["internal_note"],
        )
        return outcome_response(outcome, _activity_of(outcome))


def _activity_of(outcome: Outcome) -> str | None:
    """Return the key of the activity of the outcome's entry, if it has one."""
    if outcome.entry is None or outcome.entry.activity_id is None:
        return None
    return Activity.objects.get(pk=outcome.entry.activity_id).key
