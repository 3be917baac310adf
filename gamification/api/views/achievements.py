"""The catalogue as users see it, and as staff edit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db.models import prefetch_related_objects
from django.http import Http404
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.operations import Header, operation
from gamification.api.pagination import paginate
from gamification.api.preconditions import ETAG, IF_MATCH, etag_of, expected_tag
from gamification.api.user_lookup import find_user
from gamification.api.views import achievement_serializers as shapes
from gamification.api.views import definitions, explanations
from gamification.api.views.achievement_lists import AchievementQuery, chosen
from gamification.api.views.backfill import BackfillActions
from gamification.api.views.base import answering_404, may
from gamification.conf import conf
from gamification.services import (
    AchievementProgress,
    Explanation,
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
    visible_achievements,
)

_ADD: Final = "gamification.add_achievement"
_CHANGE: Final = "gamification.change_achievement"

LOCATION: Final = Header("Location", "Address of the achievement.")


class AchievementsViewSet(BackfillActions):
    """Achievements: what users see of them, and what staff do with them."""

    lookup_field = "key"
    lookup_value_regex = "[-a-zA-Z0-9_]{1,100}"

    @operation(
        query=AchievementQuery,
        answer=shapes.AchievementPageSerializer,
        answer_to_staff=shapes.DefinitionPageSerializer,
        example=shapes.PAGE_EXAMPLE,
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> Response:
        """Return the achievements that the user may see.

        Those are active ones that are no secret, and what the user holds. With
        ``status``, staff get all of it, in full.
        """
        rows = _rows(request.user, query)
        found = chosen(shapes.with_rarity(rows), query)
        page = paginate(request, query, len(found), lambda a, b: found[a:b])
        secrets = count_secrets(request.user) if conf.SHOW_SECRET_COUNT else None
        is_full = "status" in query
        shape = (
            shapes.DefinitionPageSerializer
            if is_full
            else shapes.AchievementPageSerializer
        )
        return Response(shape.of(shapes.AchievementPage.of(page, secrets)))

    @operation(
        answer=shapes.AchievementSerializer,
        answer_to_staff=shapes.DefinitionSerializer,
        answer_headers=(ETAG,),
        example=shapes.EXAMPLE,
    )
    def retrieve(self, request: Request, key: str) -> Response:
        """Return an achievement that the user may see; to staff any, in full.

        Those who may edit it are told its ETag.
        """
        if _sees_all(request.user):
            response = _definition(request.user, key)
            if not may(request.user, _CHANGE):
                del response["ETag"]
            return response
        row = get_achievement(request.user, key)
        if row is None:
            raise Http404
        [seen] = shapes.with_rarity([row])
        return Response(shapes.AchievementSerializer.of(seen))

    @operation(
        body=definitions.NewDefinitionBody,
        answer=shapes.DefinitionSerializer,
        status=201,
        answer_headers=(LOCATION, ETAG),
        permission=_ADD,
        scope="write",
        errors=(ours.InvalidDefinitionError,),
        example_body=definitions.EXAMPLE_NEW,
        example=shapes.DEFINITION,
    )
    def create(self, request: Request, body: Mapping[str, Any]) -> Response:
        """Add an achievement to the catalogue."""
        made = create_achievement(actor=request.user, **body)
        response = _definition(request.user, made.key, status=201)
        response["Location"] = request.build_absolute_uri(f"{made.key}/")
        return response

    @operation(
        body=definitions.DefinitionBody,
        answer=shapes.DefinitionSerializer,
        headers=(IF_MATCH,),
        answer_headers=(ETAG,),
        permission=_CHANGE,
        scope="write",
        errors=(ours.InvalidDefinitionError, ours.StaleEditError),
        example_body=definitions.EXAMPLE_EDIT,
        example=shapes.DEFINITION,
    )
    def partial_update(
        self, request: Request, key: str, body: Mapping[str, Any]
    ) -> Response:
        """Change an achievement, unless somebody else changed it meanwhile.

        What was awarded stays as it is.
        """
        expected = expected_tag(request)
        with answering_404(ours.UnknownAchievementError):
            edit_achievement(key, actor=request.user, expected=expected, **body)
        return _definition(request.user, key)

    @action(detail=True)
    @operation(
        query=explanations.ExplanationQuery,
        answer=explanations.ExplanationSerializer,
        example=explanations.EXAMPLE,
    )
    def explain(
        self, request: Request, key: str, query: Mapping[str, Any]
    ) -> Explanation:
        """Say in words what the achievement measures, and what is missing or blocks it.

        Staff may ask about any achievement and any user.
        """
        user = request.user
        if not _sees_all(user):
            if query:
                raise PermissionDenied
            _check_visible(user, key)
        elif "user" in query:
            user = find_user(query["user"])
        with answering_404(ours.UnknownAchievementError):
            return explain_achievement(user, key)


def _sees_all(user: Any) -> bool:
    """Say whether ``user`` may see the whole catalogue; who edits it does."""
    return may(user, "gamification.view_achievement", _CHANGE)


def _rows(user: Any, query: Mapping[str, Any]) -> Sequence[AchievementProgress]:
    """Return what ``query`` asks about; ``PermissionDenied`` for what is for staff."""
    if "status" not in query:
        return get_achievements(user)
    if not _sees_all(user):
        raise PermissionDenied
    rows = get_all_achievements(user, status=query["status"])
    prefetch_related_objects([row.achievement for row in rows], "activity")
    return rows


def _check_visible(user: Any, key: str) -> None:
    """Raise ``Http404`` for what ``user`` may not see."""
    if not visible_achievements(user).filter(key=key).exists():
        raise Http404


def _definition(user: Any, key: str, status: int = 200) -> Response:
    """Answer with all of an achievement, and the tag of that."""
    rows = get_all_achievements(user, key=key)
    if not rows:
        raise Http404
    [seen] = shapes.with_rarity(rows)
    headers = {"ETag": etag_of(definition_tag(seen.achievement))}
    return Response(shapes.DefinitionSerializer.of(seen), status, headers=headers)
