"""The boosts that staff define."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.operations import operation
from gamification.api.pagination import Page, PageQuery, page_example, paginate_rows
from gamification.api.preconditions import ETAG, IF_MATCH, expected_tag
from gamification.api.views.base import not_found_on
from gamification.api.views.boosts.serializers import (
    EDIT_EXAMPLE,
    EXAMPLE,
    NEW_EXAMPLE,
    PREVIEW_EXAMPLE,
    PREVIEW_NEW_EXAMPLE,
    BoostPageSerializer,
    BoostPreviewSerializer,
    BoostSerializer,
    EditBoostBody,
    NewBoostBody,
    PreviewBoostBody,
)
from gamification.api.views.editing import (
    DefinitionsViewSet,
    adding,
    editing,
    previewing,
    with_location,
)
from gamification.models import Boost
from gamification.staff import (
    boost_tag,
    create_boost,
    delete_boost,
    edit_boost,
    end_boost,
    find_boost,
    preview_boost,
)
from gamification.values import BoostPreview

_VIEW: Final = "gamification.view_boost"
_ADD: Final = "gamification.add_boost"
_CHANGE: Final = "gamification.change_boost"
_DELETE: Final = "gamification.delete_boost"


class BoostsViewSet(DefinitionsViewSet):
    """Times at which activities are worth more XP, or less."""

    serializer = BoostSerializer
    tag_of = staticmethod(boost_tag)

    @operation(
        query=PageQuery,
        response=BoostPageSerializer,
        permission=_VIEW,
        response_example=page_example(EXAMPLE),
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> Page:
        """List all boosts in order of their start, with those that are over."""
        rows = Boost.objects.select_related("group")
        return paginate_rows(request, query, rows)

    @operation(
        response=BoostSerializer,
        response_headers=(ETAG,),
        permission=_VIEW,
        response_example=EXAMPLE,
    )
    def retrieve(self, request: Request, key: str) -> Response:
        """Return a boost."""
        with not_found_on(ours.UnknownBoostError):
            return self.answer(find_boost(key))

    @adding(
        "boost",
        body=NewBoostBody,
        response=BoostSerializer,
        permission=_ADD,
        body_example=NEW_EXAMPLE,
        response_example=EXAMPLE,
    )
    def create(self, request: Request, body: Mapping[str, Any]) -> Response:
        """Add a boost. It cannot begin in the past."""
        made = create_boost(actor=request.user, **body)
        return with_location(request, made.key, self.answer(made, 201))

    @editing(
        body=EditBoostBody,
        response=BoostSerializer,
        permission=_CHANGE,
        body_example=EDIT_EXAMPLE,
        response_example={**EXAMPLE, **EDIT_EXAMPLE},
    )
    def partial_update(
        self, request: Request, key: str, body: Mapping[str, Any]
    ) -> Response:
        """Change a boost, unless somebody else has changed it in the meantime.

        Entries keep the factor that they had. Once a boost has begun, it can only be
        ended earlier or later, or be switched off for good; once it is over, it stays
        as it is.
        """
        expected = expected_tag(request)
        with not_found_on(ours.UnknownBoostError):
            saved = edit_boost(key, actor=request.user, expected=expected, **body)
        return self.answer(saved)

    @operation(
        status=204,
        request_headers=(IF_MATCH,),
        permission=_DELETE,
        scope="write",
        errors=(ours.BoostUsedError, ours.StaleEditError),
    )
    def destroy(self, request: Request, key: str) -> None:
        """Delete a boost that no entry of the ledger names."""
        expected = expected_tag(request)
        with not_found_on(ours.UnknownBoostError):
            delete_boost(key, actor=request.user, expected=expected)

    @action(detail=True, methods=["post"], url_path="end", url_name="end")
    @editing(
        response=BoostSerializer,
        permission=_CHANGE,
        response_example={**EXAMPLE, "state": "over"},
    )
    def end_now(self, request: Request, key: str) -> Response:
        """End a running boost now, wherever users are.

        A boost that has not begun on every clock yet is switched off instead: it is
        over, and keeps its times.
        """
        expected = expected_tag(request)
        with not_found_on(ours.UnknownBoostError):
            return self.answer(end_boost(key, actor=request.user, expected=expected))

    @action(detail=False, methods=["post"], url_path="preview", url_name="preview-new")
    @previewing(
        body=PreviewBoostBody,
        response=BoostPreviewSerializer,
        permission=_ADD,
        body_example=PREVIEW_NEW_EXAMPLE,
        response_example=PREVIEW_EXAMPLE,
    )
    def preview_new(self, request: Request, body: Mapping[str, Any]) -> BoostPreview:
        """Preview what a new boost would have given in the last 28 days.

        The preview changes nothing. With very many users, it reads a sample.
        """
        return preview_boost(**body)

    @action(detail=True, methods=["post"])
    @previewing(
        body=EditBoostBody,
        response=BoostPreviewSerializer,
        permission=_CHANGE,
        body_example=EDIT_EXAMPLE,
        response_example=PREVIEW_EXAMPLE,
    )
    def preview(
        self, request: Request, key: str, body: Mapping[str, Any]
    ) -> BoostPreview:
        """Preview what a changed boost would have given in the last 28 days.

        The preview changes nothing. With very many users, it reads a sample.
        """
        with not_found_on(ours.UnknownBoostError):
            return preview_boost(key, **body)
