"""What an operation takes and answers: said once, checked and documented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from gamification.api.fields import Body, Query
from gamification.api.shapes import Shape
from gamification.exceptions import GamificationError

View = TypeVar("View")


class Header(NamedTuple):
    """A header of a request or of an answer."""

    name: str
    description: str
    is_required: bool = False
    #: What its value looks like.
    schema: Mapping[str, Any] = {"type": "string"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The two sides of an operation."""

    #: None where there is nothing to say.
    answer: type[Shape] | None = None
    status: int = 200
    #: Other statuses that bring the same answer, with what they mean.
    also: Mapping[int, str] | None = None
    query: type[Query] = Query
    body: type[Body] | None = None
    #: Whether a list of bodies is taken too.
    takes_many: bool = False
    #: Answers a list of bodies, with 200.
    answer_to_many: type[Shape] | None = None
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
            given: dict[str, Any] = {}
            query = _checked(contract.query, _single(request))
            if contract.query is not Query:
                given["query"] = query
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


def _body(contract: Contract, body: type[Body], request: Request) -> Any:
    data = request.data
    if contract.takes_many and isinstance(data, list):
        return data
    return _checked(body, data)


def _checked(kind: type[Query | Body], data: Any) -> Any:
    form = kind(data=data)
    form.is_valid(raise_exception=True)
    return form.validated_data


def _single(request: Request) -> dict[str, str]:
    """Return the parameters of the address, each of which comes once."""
    lists = dict(request.query_params.lists())
    twice = {name: ["It comes twice."] for name, values in lists.items() if values[1:]}
    if twice:
        raise ValidationError(twice, code="repeated")
    return {name: values[0] for name, values in lists.items()}
