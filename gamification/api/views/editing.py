"""The base of the views in which staff edit definitions, each named by its key."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.operations import Decorator, Header, operation
from gamification.api.preconditions import ETAG, IF_MATCH, etag_of
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.base import GamificationViewSet


class DefinitionsViewSet(GamificationViewSet):
    """A view of definitions whose responses carry their version."""

    lookup_field = "key"
    lookup_value_regex = "[-a-zA-Z0-9_]{1,100}"

    serializer: ClassVar[type[ResponseSerializer]]
    #: The digest of what staff edit of a definition.
    tag_of: staticmethod[[Any], str]

    def answer(self, item: Any, status: int = 200) -> Response:
        """Return a definition with its version."""
        tag = {"ETag": etag_of(self.tag_of(item))}
        return Response(self.serializer.serialize(item), status, headers=tag)


def with_location(request: Request, key: str, response: Response) -> Response:
    """Add the address of a new definition to the response."""
    response["Location"] = request.build_absolute_uri(f"{key}/")
    return response


def adding(what: str, **spec: Any) -> Decorator:
    """Return the operation that adds a definition, which ``what`` names in words."""
    location = Header("Location", f"Address of the new {what}.")
    headers = {"response_headers": (location, ETAG)}
    return previewing(status=201, **headers, **spec)


def editing(**spec: Any) -> Decorator:
    """Return the operation that changes a definition, if the client has seen it."""
    return operation(
        request_headers=(IF_MATCH,),
        response_headers=(ETAG,),
        scope="write",
        errors=(ours.InvalidDefinitionError, ours.StaleEditError),
        **spec,
    )


def previewing(**spec: Any) -> Decorator:
    """Return the operation that checks a definition, and need not save it."""
    return operation(scope="write", errors=(ours.InvalidDefinitionError,), **spec)
