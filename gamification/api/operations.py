"""Operations: one declaration checks, documents and serializes each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Any, NamedTuple, TypeAlias

from django.http import Http404
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from gamification.api.fields import BodySerializer, QuerySerializer
from gamification.api.parsers import read_parameters
from gamification.api.serializers import ResponseSerializer
from gamification.exceptions import GamificationError
from gamification.staff import is_storable


class Header(NamedTuple):
    """A header of a request or of a response."""

    name: str
    description: str
    is_required: bool = False
    #: JSON schema of the value.
    schema: Mapping[str, Any] = {"type": "string"}


class Alternative(NamedTuple):
    """Another successful response of an operation."""

    description: str
    example: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSpec:
    """The request that an operation takes and the responses that it returns."""

    #: None if the response has no body.
    response: type[ResponseSerializer] | None = None
    status: int = 200
    #: Other successful responses with the same fields, by status.
    alternatives: Mapping[int, Alternative] = field(default_factory=dict)
    query: type[QuerySerializer] = QuerySerializer
    body: type[BodySerializer] | None = None
    #: Whether the operation also takes a list of bodies.
    takes_list: bool = False
    #: The response to a list of bodies. Its status is 200, one of ``alternatives``.
    list_response: type[ResponseSerializer] | None = None
    #: The response for staff: all fields of ``response``, and more.
    staff_response: type[ResponseSerializer] | None = None
    request_headers: tuple[Header, ...] = ()
    response_headers: tuple[Header, ...] = ()
    #: The permission that the user needs, as ``app_label.codename``.
    permission: str | None = None
    #: The key of ``THROTTLE_RATES`` under which the request is counted.
    scope: str = "read"
    #: Our errors that the operation may return as problems.
    errors: tuple[type[GamificationError], ...] = ()
    #: Whether clients poll the operation; the response then has an ETag.
    is_polled: bool = False
    body_example: Any = None
    response_example: Any = None


#: A decorator that turns a method of a view into an operation.
Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Response]]


def operation(**spec: Any) -> Decorator:
    """Turn a method of a view into an operation with this ``OperationSpec``.

    The method receives the validated ``query`` and ``body`` if the spec has them. It
    returns a ``Response``, or a value that the spec's serializer turns into one.
    """
    made = OperationSpec(**spec)

    def decorate(method: Callable[..., Any]) -> Callable[..., Response]:
        @wraps(method)
        def handle(view: Any, request: Request, **address: Any) -> Response:
            if not all(map(is_storable, address.values())):
                raise Http404
            arguments = _query(made, request)
            if made.body:
                arguments["body"] = _body(made, made.body, request)
            value = method(view, request, **address, **arguments)
            return value if isinstance(value, Response) else _response(made, value)

        handle.spec = made  # type: ignore[attr-defined]
        return handle

    return decorate


def spec_of(view: Any) -> OperationSpec | None:
    """Return the spec of the operation that ``view`` is handling, if it has one."""
    method = getattr(view, getattr(view, "action", None) or "", None)
    return getattr(method, "spec", None)


def _response(spec: OperationSpec, value: Any) -> Response:
    data = spec.response.serialize(value) if spec.response else None
    return Response(data, spec.status)


def _query(spec: OperationSpec, request: Request) -> dict[str, Any]:
    """Return the validated query as an argument, if the spec has one."""
    parameters = read_parameters(request.META.get("QUERY_STRING", ""))
    has_query = spec.query is not QuerySerializer
    if not has_query and not parameters:
        return {}
    query = _validated(spec.query, parameters)
    return {"query": query} if has_query else {}


def _body(spec: OperationSpec, body: type[BodySerializer], request: Request) -> Any:
    """Return the validated body; a list is left to the operation."""
    if request.stream is None:
        raise ParseError("The request has no body.")
    data = request.data
    if spec.takes_list and isinstance(data, list):
        return data
    return _validated(body, data)


def _validated(kind: type[QuerySerializer | BodySerializer], data: Any) -> Any:
    return _serializer(kind).run_validation(data)


@cache
def _serializer(
    kind: type[QuerySerializer | BodySerializer],
) -> QuerySerializer | BodySerializer:
    # It keeps no state between requests, and creating one is slower than using it.
    return kind()
