"""What an operation takes and answers: said once, checked and documented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Any, NamedTuple

from django.http import Http404
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from gamification.api.fields import Body, Query
from gamification.api.parsers import read_parameters
from gamification.api.serializers import ResponseSerializer
from gamification.exceptions import GamificationError
from gamification.staff import (
    is_storable,
)


class Header(NamedTuple):
    """A header of a request or of an answer."""

    name: str
    description: str
    is_required: bool = False
    #: What its value looks like.
    schema: Mapping[str, Any] = {"type": "string"}


class Also(NamedTuple):
    """What else an operation may answer when all went well."""

    meaning: str
    example: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The two sides of an operation."""

    #: None where there is nothing to say.
    answer: type[ResponseSerializer] | None = None
    status: int = 200
    #: Other statuses that bring an answer of this shape.
    also: Mapping[int, Also] = field(default_factory=dict)
    query: type[Query] = Query
    body: type[Body] | None = None
    #: Whether a list of bodies is taken too.
    takes_many: bool = False
    #: Answers a list of bodies, with 200, which is then among ``also``.
    answer_to_many: type[ResponseSerializer] | None = None
    #: What staff are answered instead: all of ``answer``, and more.
    answer_to_staff: type[ResponseSerializer] | None = None
    #: Headers that are read, and those that an answer may have.
    headers: tuple[Header, ...] = ()
    answer_headers: tuple[Header, ...] = ()
    #: ``app_label.codename`` of what the user must be allowed.
    permission: str | None = None
    #: Which of ``THROTTLE_RATES`` counts the request.
    scope: str = "read"
    #: Errors of our own that it may answer.
    errors: tuple[type[GamificationError], ...] = ()
    #: Whether clients poll it: then it has an ETag, and 304 for what they know.
    is_polled: bool = False
    #: Examples of the body and of the answer.
    example_body: Any = None
    example: Any = None


def operation(**terms: Any) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Make a method of a view an operation with the ``Contract`` of these terms.

    The method is called with the checked ``query`` and ``body``, if the contract names
    them, and returns a value in the shape of the answer, or a ``Response``.
    """
    contract = Contract(**terms)

    def decorate(method: Callable[..., Any]) -> Callable[..., Response]:
        @wraps(method)
        def handle(view: Any, request: Request, **address: Any) -> Response:
            if not all(map(is_storable, address.values())):
                raise Http404
            given = _query(contract, request)
            if contract.body:
                given["body"] = _body(contract, contract.body, request)
            value = method(view, request, **address, **given)
            return value if isinstance(value, Response) else _answer(contract, value)

        handle.contract = contract  # type: ignore[attr-defined]
        return handle

    return decorate


def contract_of(view: Any) -> Contract | None:
    """Return the contract of the operation that ``view`` is asked for."""
    method = getattr(view, getattr(view, "action", None) or "", None)
    return getattr(method, "contract", None)


def _answer(contract: Contract, value: Any) -> Response:
    data = contract.answer.of(value) if contract.answer else None
    return Response(data, contract.status)


def _query(contract: Contract, request: Request) -> dict[str, Any]:
    """Return the checked parameters of the address, where the contract names any."""
    given = read_parameters(request.META.get("QUERY_STRING", ""))
    is_named = contract.query is not Query
    if not is_named and not given:
        return {}
    query = _checked(contract.query, given)
    return {"query": query} if is_named else {}


def _body(contract: Contract, body: type[Body], request: Request) -> Any:
    if request.stream is None:
        raise ParseError("There is no body.")
    data = request.data
    if contract.takes_many and isinstance(data, list):
        return data
    return _checked(body, data)


def _checked(kind: type[Query | Body], data: Any) -> Any:
    return _form(kind).run_validation(data)


@cache
def _form(kind: type[Query | Body]) -> Query | Body:
    # It keeps nothing of a request, and to make one takes longer than to use it.
    return kind()
