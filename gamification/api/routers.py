"""Routes of lists, of items, and of the one thing that each user has."""

from __future__ import annotations

from typing import Any

from rest_framework.routers import Route, SimpleRouter


class Router(SimpleRouter):
    """A router that also knows viewsets of a single object.

    Such a viewset has ``is_singleton``; its address, without an id, is that of
    ``retrieve`` and ``partial_update``.
    """

    # A dollar would let a line feed follow.
    routes = [  # noqa: RUF012 - as its base has it
        route._replace(url=route.url.replace("$", r"\Z"))
        for route in SimpleRouter.routes
    ]
    singleton = Route(
        url=r"^{prefix}{trailing_slash}\Z",
        mapping={"get": "retrieve", "patch": "partial_update"},
        name="{basename}",
        detail=True,
        initkwargs={"suffix": "Instance"},
    )

    def get_routes(self, viewset: Any) -> list[Any]:
        if getattr(viewset, "is_singleton", False):
            return [self.singleton]
        return super().get_routes(viewset)
