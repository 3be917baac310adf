"""The routes of the API, with the operation of each method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.contrib.admindocs.views import simplify_regex

from gamification.api.operations import OperationSpec
from gamification.api.urls import router


class Operation(NamedTuple):
    """One method of one route."""

    method: str
    #: Below the API's address, such as ``users/<user>/``.
    route: str
    spec: OperationSpec

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def route_of(pattern: str) -> str:
    """Return the address of a pattern, below that of the API, in readable form."""
    return simplify_regex(pattern).rpartition("v1/")[2].removeprefix("/")


def _operations() -> Iterator[Operation]:
    for pattern in router.urls:
        view = pattern.callback
        route = route_of(str(pattern.pattern))
        for method, action in sorted(view.actions.items()):
            if method != "head":
                spec = getattr(view.cls, action).spec
                yield Operation(method.upper(), route, spec)


OPERATIONS = list(_operations())
