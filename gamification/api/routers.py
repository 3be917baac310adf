"""Routes of lists, of single items, and of objects that each user has one of."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.urls import URLPattern, re_path
from rest_framework.routers import Route, SimpleRouter

from gamification.api.exceptions import not_found_view


class Router(SimpleRouter):
    """A router that also supports viewsets of a single object, and ends of lists.

    A viewset of a single object sets ``is_singleton``. Its address has no id and serves
    ``retrieve`` and ``partial_update``. The address of a list serves ``end``, too, for
    DELETE.
    """

    # "$" would also match before a trailing line feed.
    routes = [  # noqa: RUF012 - as its base has it
        route._replace(url=route.url.replace("$", r"\Z"))
        for route in SimpleRouter.routes
    ]
    lists: ClassVar[Any] = routes[0]
    routes[0] = lists._replace(mapping={**lists.mapping, "delete": "end"})
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

    def not_found_route(self) -> URLPattern:
        """Return a route for all other addresses below the registered prefixes.

        It returns a problem instead of the site's own page. Addresses beside the
        prefixes, and the prefixes themselves, stay free for the site.
        """
        names = {prefix.partition("/")[0] for prefix, _, _ in self.registry}
        either = "|".join(map(re.escape, sorted(names)))
        return re_path(rf"^(?:{either})/(?s:.)", not_found_view)
