"""What all views of the API have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from django.http import Http404, HttpRequest
from django.utils.cache import set_response_etag
from django.utils.http import parse_etags
from django.utils.module_loading import import_string
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.schemas import DefaultSchema
from rest_framework.schemas.inspectors import ViewInspector
from rest_framework.viewsets import ViewSet

from gamification.api.exceptions import answer_problem
from gamification.api.operations import contract_of
from gamification.api.parsers import StrictJSONParser
from gamification.api.throttling import ScopeThrottle


def schema() -> ViewInspector:
    """Return what describes the views to drf-spectacular, which is an extra."""
    if find_spec("drf_spectacular") is None:
        return DefaultSchema()
    described: ViewInspector
    described = import_string("gamification.api.openapi.ContractSchema")()
    return described


def may(user: Any, *permissions: str) -> bool:
    """Say whether ``user`` has one of ``permissions``; some user models know none."""
    has = getattr(user, "has_perm", None)
    return has is not None and any(map(has, permissions))


@contextmanager
def answering_404(error: type[Exception]) -> Iterator[None]:
    """Answer ``error`` as an address under which there is nothing."""
    try:
        yield
    except error as unknown:
        raise Http404 from unknown


class IsAllowed(BasePermission):
    """Asks for the permission that the operation's contract names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        contract = contract_of(view)
        name = contract.permission if contract else None
        return name is None or may(request.user, name)


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
    http_method_names = ("get", "head", "post", "put", "patch", "delete")
    # Names of users have dots.
    lookup_value_regex = "[^/]+"
    schema = schema()

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return answer_problem

    @property
    def default_response_headers(self) -> dict[str, str]:
        return super().default_response_headers | {
            "Cache-Control": "private, no-cache",
            "Vary": "Authorization, Cookie",
        }

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        contract = contract_of(self)
        if contract and contract.is_polled and final.status_code == 200:
            final.add_post_render_callback(_conditional(request._request))  # noqa: SLF001
        return final


def _conditional(request: HttpRequest) -> Callable[[Response], None]:
    """Return what gives an answer its ETag, and takes out what the client knows.

    Django's own way would also heed preconditions, which are not for reads.
    """
    known = parse_etags(request.headers.get("If-None-Match", ""))

    def answer(response: Response) -> None:
        set_response_etag(response)
        etag = response["ETag"]
        if "*" in known or etag in {tag.removeprefix("W/") for tag in known}:
            response.status_code = 304
            response.content = b""
            del response["Content-Type"]

    return answer
