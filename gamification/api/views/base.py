"""What all views of the API have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils.cache import (
    get_conditional_response,
    patch_cache_control,
    patch_vary_headers,
    set_response_etag,
)
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from gamification.api.contracts import contract_of
from gamification.api.parsing import StrictJSONParser
from gamification.api.problems import answer_problem
from gamification.api.throttling import ScopeThrottle

try:
    from gamification.api.openapi import ContractSchema as Schema
except ImportError:  # drf-spectacular is an extra.
    from rest_framework.schemas import (  # type: ignore[assignment]
        DefaultSchema as Schema,
    )


class IsAllowed(BasePermission):
    """Asks for the permission that the operation's contract names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        contract = contract_of(view)
        name = contract.permission if contract else None
        return name is None or request.user.has_perm(name)


class AlwaysJSON(BaseContentNegotiation):
    """Answers JSON, whatever is asked for: there is nothing else."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        wanted = (request.content_type or "").partition(";")[0].strip().lower()
        return next((p for p in parsers if p.media_type == wanted), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class GamificationViewSet(ViewSet):
    """A view of this API, whatever the site's own defaults are."""

    permission_classes = (IsAuthenticated, IsAllowed)
    parser_classes = (StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    throttle_classes = (ScopeThrottle,)
    content_negotiation_class = AlwaysJSON
    versioning_class = None
    metadata_class = None
    schema = Schema()

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return answer_problem

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        patch_cache_control(final, private=True, no_cache=True)
        patch_vary_headers(final, ["Authorization", "Cookie"])
        contract = contract_of(self)
        if contract and contract.is_polled and final.status_code == 200:
            final.add_post_render_callback(_conditional(request._request))  # noqa: SLF001
        return final


def _conditional(request: HttpRequest) -> Callable[[Any], Any]:
    """Return what gives an answer its ETag, or says that the client knows it."""

    def answer(response: Any) -> Any:
        set_response_etag(response)
        return get_conditional_response(request, response["ETag"], response=response)

    return answer
