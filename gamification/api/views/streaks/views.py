"""The definitions of streaks, which staff edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.operations import operation
from gamification.api.pagination import Page, PageQuery, page_example, paginate_rows
from gamification.api.preconditions import ETAG, expected_tag
from gamification.api.views.base import not_found_on
from gamification.api.views.editing import (
    DefinitionsViewSet,
    adding,
    editing,
    previewing,
    with_location,
)
from gamification.api.views.streaks.serializers import (
    EDIT_EXAMPLE,
    EXAMPLE,
    NEW_EXAMPLE,
    PREVIEW_EXAMPLE,
    PREVIEW_NEW_EXAMPLE,
    EditStreakBody,
    NewStreakBody,
    PreviewStreakBody,
    StreakDefinitionPageSerializer,
    StreakDefinitionSerializer,
    StreakPreviewSerializer,
)
from gamification.models import StreakDefinition
from gamification.staff import (
    create_streak,
    edit_streak,
    find_streak,
    preview_streak,
    streak_tag,
)
from gamification.values import StreakPreview

_VIEW: Final = "gamification.view_streakdefinition"
_ADD: Final = "gamification.add_streakdefinition"
_CHANGE: Final = "gamification.change_streakdefinition"


class StreaksViewSet(DefinitionsViewSet):
    """The definitions of streaks."""

    serializer = StreakDefinitionSerializer
    tag_of = staticmethod(streak_tag)

    @operation(
        query=PageQuery,
        response=StreakDefinitionPageSerializer,
        permission=_VIEW,
        response_example=page_example(EXAMPLE),
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> Page:
        """List the streaks that users can have, with their rules."""
        return paginate_rows(request, query, StreakDefinition.objects.all())

    @operation(
        response=StreakDefinitionSerializer,
        response_headers=(ETAG,),
        permission=_VIEW,
        response_example=EXAMPLE,
    )
    def retrieve(self, request: Request, key: str) -> Response:
        """Return a streak with its rules."""
        with not_found_on(ours.UnknownStreakError):
            return self.answer(find_streak(key))

    @adding(
        "streak",
        body=NewStreakBody,
        response=StreakDefinitionSerializer,
        permission=_ADD,
        body_example=NEW_EXAMPLE,
        response_example=EXAMPLE,
    )
    def create(self, request: Request, body: Mapping[str, Any]) -> Response:
        """Add a streak. It counts all dates so far."""
        made = create_streak(actor=request.user, **body)
        return with_location(request, made.key, self.answer(made, 201))

    @editing(
        body=EditStreakBody,
        response=StreakDefinitionSerializer,
        permission=_CHANGE,
        body_example=EDIT_EXAMPLE,
        response_example={**EXAMPLE, "goal": 4, "since": "2026-03-09"},
    )
    def partial_update(
        self, request: Request, key: str, body: Mapping[str, Any]
    ) -> Response:
        """Change a streak, unless somebody else has changed it in the meantime.

        New rules hold from the next day, week or month on; past ones keep the old
        rules.
        """
        expected = expected_tag(request)
        with not_found_on(ours.UnknownStreakError):
            saved = edit_streak(key, actor=request.user, expected=expected, **body)
        return self.answer(saved)

    @action(detail=False, methods=["post"], url_path="preview", url_name="preview-new")
    @previewing(
        body=PreviewStreakBody,
        response=StreakPreviewSerializer,
        permission=_ADD,
        body_example=PREVIEW_NEW_EXAMPLE,
        response_example=PREVIEW_EXAMPLE,
    )
    def preview_new(self, request: Request, body: Mapping[str, Any]) -> StreakPreview:
        """Preview how a new streak would differ from the daily one.

        The preview changes nothing. It compares users' daily streaks with those that
        they would have by these rules. With very many users, it plays a sample.
        """
        return preview_streak(**body)

    @action(detail=True, methods=["post"])
    @previewing(
        body=EditStreakBody,
        response=StreakPreviewSerializer,
        permission=_CHANGE,
        body_example=EDIT_EXAMPLE,
        response_example=PREVIEW_EXAMPLE,
    )
    def preview(
        self, request: Request, key: str, body: Mapping[str, Any]
    ) -> StreakPreview:
        """Preview how many users' streaks would differ under other rules.

        The preview changes nothing. It compares how users stand with how they would if
        these rules had always held. With very many users, it plays a sample.
        """
        with not_found_on(ours.UnknownStreakError):
            return preview_streak(key, **body)
