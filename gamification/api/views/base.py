"""The base of all views of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from django.http import Http404, HttpRequest
from django.utils.cache import set_response_etag
from django.utils.http import parse_etags
from django.utils.module_loading import import_string
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.schemas import DefaultSchema
from rest_framework.schemas.inspectors import ViewInspector
from rest_framework.viewsets import ViewSet

from gamification.api.exceptions import exception_handler
from gamification.api.negotiation import JSONNegotiation
from gamification.api.operations import spec_of
from gamification.api.parsers import StrictJSONParser
from gamification.api.permissions import HasOperationPermission
from gamification.api.preconditions import bind_to_body
from gamification.api.throttling import ScopeThrottle
from gamification.api.user_lookup import stored_user


def schema() -> ViewInspector:
    """Return the descriptor of views. drf-spectacular, which it uses, is an extra."""
    if find_spec("drf_spectacular") is None:
        return DefaultSchema()
    described: ViewInspector
    described = import_string("gamification.api.openapi.OperationSchema")()
    return described


@contextmanager
def not_found_on(error: type[Exception]) -> Iterator[None]:
    """Turn ``error`` into ``Http404``."""
    try:
        yield
    except error as unknown:
        raise Http404 from unknown


class GamificationViewSet(ViewSet):
    """A view of this API. It does not depend on the defaults of the site."""

    permission_classes = (IsAuthenticated, HasOperationPermission)
    parser_classes = (StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    throttle_classes = (ScopeThrottle,)
    content_negotiation_class = JSONNegotiation
    versioning_class = None
    metadata_class = None
    http_method_names = ("get", "head", "post", "put", "patch", "delete")
    # Usernames can contain dots.
    lookup_value_regex = "[^/]+"
    schema = schema()

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return exception_handler

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        request.user = stored_user(request.user)

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
        spec = spec_of(self)
        if spec and spec.is_polled and final.status_code == 200:
            final.add_post_render_callback(_conditional(request._request))  # noqa: SLF001
        elif "ETag" in final.headers:
            final.add_post_render_callback(bind_to_body)
        return final


def _conditional(request: HttpRequest) -> Callable[[Response], None]:
    """Return a callback that adds an ETag, and empties a response the client has.

    Django's own function would also apply preconditions, which are meant for writes.
    """
    known = parse_etags(request.headers.get("If-None-Match", ""))

    def add_etag(response: Response) -> None:
        set_response_etag(response)
        etag = response["ETag"]
        if "*" in known or etag in {tag.removeprefix("W/") for tag in known}:
            response.status_code = 304
            response.content = b""
            del response["Content-Type"]

    return add_etag
