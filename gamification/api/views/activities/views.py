"""The activities that users do, which staff edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.operations import operation
from gamification.api.pagination import Page, PageQuery, page_example, paginate_rows
from gamification.api.preconditions import ETAG, expected_tag
from gamification.api.views.activities.serializers import (
    EDIT_EXAMPLE,
    EXAMPLE,
    NEW_EXAMPLE,
    ActivityPageSerializer,
    ActivitySerializer,
    EditActivityBody,
    NewActivityBody,
)
from gamification.api.views.base import not_found_on
from gamification.api.views.editing import (
    DefinitionsViewSet,
    adding,
    editing,
    with_location,
)
from gamification.models import Activity
from gamification.staff import (
    create_activity,
    definition_tag,
    edit_activity,
)

_VIEW: Final = "gamification.view_activity"
_ADD: Final = "gamification.add_activity"
_CHANGE: Final = "gamification.change_activity"


class ActivitiesViewSet(DefinitionsViewSet):
    """Activities, with the attributes that their records can have."""

    serializer = ActivitySerializer
    tag_of = staticmethod(definition_tag)

    @operation(
        query=PageQuery,
        response=ActivityPageSerializer,
        permission=_VIEW,
        response_example=page_example(EXAMPLE),
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> Page:
        """List all activities, even those that are switched off."""
        rows = Activity.objects.order_by("key")
        return paginate_rows(request, query, rows)

    @operation(
        response=ActivitySerializer,
        response_headers=(ETAG,),
        permission=_VIEW,
        response_example=EXAMPLE,
    )
    def retrieve(self, request: Request, key: str) -> Response:
        """Return an activity."""
        return self.answer(get_object_or_404(Activity.objects.all(), key=key))

    @adding(
        "activity",
        body=NewActivityBody,
        response=ActivitySerializer,
        permission=_ADD,
        body_example=NEW_EXAMPLE,
        response_example=EXAMPLE,
    )
    def create(self, request: Request, body: Mapping[str, Any]) -> Response:
        """Add an activity."""
        made = create_activity(actor=request.user, **body)
        return with_location(request, made.key, self.answer(made, 201))

    @editing(
        body=EditActivityBody,
        response=ActivitySerializer,
        permission=_CHANGE,
        body_example=EDIT_EXAMPLE,
        response_example={**EXAMPLE, **EDIT_EXAMPLE},
    )
    def partial_update(
        self, request: Request, key: str, body: Mapping[str, Any]
    ) -> Response:
        """Change an activity, unless somebody else has changed it in the meantime.

        XP that it gave before stays.
        """
        expected = expected_tag(request)
        with not_found_on(ours.UnknownActivityError):
            saved = edit_activity(key, actor=request.user, expected=expected, **body)
        return self.answer(saved)
