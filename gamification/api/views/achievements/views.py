"""The catalogue of achievements, for users and for the staff who edit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import prefetch_related_objects
from django.http import Http404
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.operations import operation
from gamification.api.pagination import paginate
from gamification.api.permissions import refusal
from gamification.api.preconditions import ETAG, etag_of, expected_tag
from gamification.api.user_lookup import find_visible_user
from gamification.api.views.achievements import definitions, explanations
from gamification.api.views.achievements.backfill import BackfillActions
from gamification.api.views.achievements.lists import (
    AchievementQuery,
    select_achievements,
)
from gamification.api.views.achievements.serializers import (
    EDITED_EXAMPLE,
    EXAMPLE,
    PAGE_EXAMPLE,
    AchievementDefinitionPageSerializer,
    AchievementDefinitionSerializer,
    AchievementPageSerializer,
    AchievementSerializer,
    EditedAchievementSerializer,
)
from gamification.api.views.achievements.values import (
    AchievementPage,
    EditedAchievement,
    VisibleAchievement,
    with_rarity,
)
from gamification.api.views.base import not_found_on
from gamification.api.views.editing import adding, editing, with_location
from gamification.conf import conf
from gamification.services import (
    count_secrets,
    explain_achievement,
    get_achievements,
)
from gamification.staff import (
    create_achievement,
    definition_tag,
    edit_achievement,
    get_achievement,
    get_all_achievements,
    get_reach,
    has_any_permission,
    sees_secrets,
    visible_achievements,
)
from gamification.values import AchievementProgress, Explanation

_VIEW: Final = "gamification.view_achievement"
_ADD: Final = "gamification.add_achievement"
_CHANGE: Final = "gamification.change_achievement"


class AchievementsViewSet(BackfillActions):
    """Achievements, as users see them and as staff edit them."""

    lookup_field = "key"
    lookup_value_regex = "[-a-zA-Z0-9_]{1,100}"

    @operation(
        query=AchievementQuery,
        response=AchievementPageSerializer,
        staff_response=AchievementDefinitionPageSerializer,
        response_example=PAGE_EXAMPLE,
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> Response:
        """List the achievements that the user may see.

        These are the active achievements that are not secret, and all that the user
        has unlocked. Staff can filter by ``status`` to list all achievements with that
        status, with their definitions.
        """
        rows = _rows(request.user, query)
        found = select_achievements(with_rarity(rows), query)
        page = paginate(request, query, len(found), lambda a, b: found[a:b])
        secrets = count_secrets(request.user) if conf.SHOW_SECRET_COUNT else None
        serializer = (
            AchievementDefinitionPageSerializer
            if "status" in query
            else AchievementPageSerializer
        )
        return Response(serializer.serialize(AchievementPage.from_page(page, secrets)))

    @operation(
        response=AchievementSerializer,
        staff_response=AchievementDefinitionSerializer,
        response_headers=(ETAG,),
        response_example=EXAMPLE,
    )
    def retrieve(self, request: Request, key: str) -> Response:
        """Return an achievement that the user may see.

        Staff can read every achievement, with its definition. Those who may edit it
        also receive its ETag.
        """
        if sees_secrets(request.user):
            response = _definition(request.user, key)
            if not has_any_permission(request.user, _CHANGE):
                del response["ETag"]
            return response
        row = get_achievement(request.user, key)
        if row is None:
            raise Http404
        [visible] = with_rarity([row])
        return Response(AchievementSerializer.serialize(visible))

    @adding(
        "achievement",
        body=definitions.NewAchievementBody,
        response=EditedAchievementSerializer,
        permission=_ADD,
        body_example=definitions.EXAMPLE_NEW,
        response_example=EDITED_EXAMPLE,
    )
    def create(self, request: Request, body: Mapping[str, Any]) -> Response:
        """Add an achievement to the catalogue."""
        made = create_achievement(actor=request.user, **body)
        answer = _edited(request.user, made.key, status=201)
        return with_location(request, made.key, answer)

    @editing(
        body=definitions.EditAchievementBody,
        response=EditedAchievementSerializer,
        permission=_CHANGE,
        body_example=definitions.EXAMPLE_EDIT,
        response_example=EDITED_EXAMPLE,
    )
    def partial_update(
        self, request: Request, key: str, body: Mapping[str, Any]
    ) -> Response:
        """Change an achievement, unless somebody else has changed it in the meantime.

        Users keep what they have been awarded. The response says how many users meet
        the achievement already.
        """
        expected = expected_tag(request)
        with not_found_on(ours.UnknownAchievementError):
            edit_achievement(key, actor=request.user, expected=expected, **body)
        return _edited(request.user, key)

    @action(detail=True)
    @operation(
        query=explanations.ExplanationQuery,
        response=explanations.ExplanationSerializer,
        response_example=explanations.EXAMPLE,
    )
    def explain(
        self, request: Request, key: str, query: Mapping[str, Any]
    ) -> Explanation:
        """Explain why the user has or has not unlocked an achievement.

        Staff can ask about every achievement, and about every user whom they may see.
        """
        user = request.user
        if not sees_secrets(user):
            if query:
                raise refusal(_VIEW)
            _check_visible(user, key)
        elif "user" in query:
            user = find_visible_user(query["user"], user)
        with not_found_on(ours.UnknownAchievementError):
            return explain_achievement(user, key)


def _rows(user: Any, query: Mapping[str, Any]) -> Sequence[AchievementProgress]:
    """Return the achievements to list.

    Raises ``PermissionDenied`` for a query that only staff may send.
    """
    if "status" not in query:
        return get_achievements(user)
    if not sees_secrets(user):
        raise refusal(_VIEW)
    rows = get_all_achievements(user, status=query["status"])
    achievements = [row.achievement for row in rows]
    prefetch_related_objects(achievements, "activity", "streak")
    return rows


def _check_visible(user: Any, key: str) -> None:
    """Raise ``Http404`` for an achievement that ``user`` may not see."""
    if not visible_achievements(user).filter(key=key).exists():
        raise Http404


def _definition(user: Any, key: str) -> Response:
    """Return an achievement with its definition and its tag."""
    visible = _found(user, key)
    return Response(
        AchievementDefinitionSerializer.serialize(visible), headers=_tag_of(visible)
    )


def _edited(user: Any, key: str, status: int = 200) -> Response:
    """Return an achievement that was just saved, with its tag and its reach."""
    visible = _found(user, key)
    reaches = [(reach.users, reach.problem) for reach in get_reach([key])]
    edited = EditedAchievement(*visible, *(reaches[0] if reaches else (0, "")))
    return Response(
        EditedAchievementSerializer.serialize(edited), status, headers=_tag_of(visible)
    )


def _found(user: Any, key: str) -> VisibleAchievement:
    rows = get_all_achievements(user, key=key)
    if not rows:
        raise Http404
    [visible] = with_rarity(rows)
    return visible


def _tag_of(visible: VisibleAchievement) -> dict[str, str]:
    return {"ETag": etag_of(definition_tag(visible.achievement))}
