"""Restrictions: staff hold users, exclude them from the game, and lift either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import Http404
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from gamification import exceptions as ours
from gamification.api.fields import (
    BodySerializer,
    NonBlankTextField,
    StrictChoiceField,
    StrictDateTimeField,
    TextField,
)
from gamification.api.operations import operation
from gamification.api.pagination import (
    Page,
    PageQuery,
    page_example,
    page_serializer,
    paginate_rows,
)
from gamification.api.serializers import ResponseSerializer
from gamification.api.user_lookup import find_user
from gamification.api.views.base import GamificationViewSet
from gamification.models import Restriction, RestrictionKind
from gamification.staff import (
    MAX_NOTE,
    all_restrictions,
    exclude_user,
    hold_user,
    lift_restriction,
)
from gamification.user_lookup import public_name

_PERMISSION: Final = "gamification.restrict_user"

EXAMPLE: Final = {
    "kind": "hold",
    "until": "2026-04-01T00:00:00Z",
    "reason": "Four hundred records within a minute.",
    "actor": "grace",
    "created_at": "2026-03-02T12:00:00Z",
    "lifted_at": None,
    "lifted_by": None,
    "lift_reason": "",
}

_LIFTED: Final = {
    **EXAMPLE,
    "lifted_at": "2026-03-05T09:30:00Z",
    "lifted_by": "grace",
    "lift_reason": "It was an import.",
}


class RestrictionBody(BodySerializer):
    """A restriction to put on a user."""

    kind = StrictChoiceField(
        choices=RestrictionKind.values,
        help_text="``hold``: leaderboards do not list the user. ``exclusion``: the "
        "user also earns nothing.",
    )
    until = StrictDateTimeField(
        required=False,
        help_text="When a hold ends, in the future. An exclusion ends when it is "
        "lifted.",
    )
    reason = NonBlankTextField(
        max_length=MAX_NOTE, help_text="The reason. Only staff can read it."
    )


class LiftBody(BodySerializer):
    """A reason for lifting a restriction."""

    reason = TextField(max_length=MAX_NOTE, allow_blank=True, default="")


class RestrictionSerializer(ResponseSerializer):
    """A restriction, who decided on it, and who lifted it."""

    kind = serializers.ChoiceField(choices=RestrictionKind.values)
    until = serializers.DateTimeField(
        allow_null=True, help_text="When a hold ends; null for an exclusion."
    )
    reason = serializers.CharField()
    actor = serializers.CharField(allow_null=True, help_text="The user who imposed it.")
    created_at = serializers.DateTimeField()
    lifted_at = serializers.DateTimeField(
        allow_null=True, help_text="Null while nobody has lifted it."
    )
    lifted_by = serializers.CharField(allow_null=True)
    lift_reason = serializers.CharField(help_text="Why it was lifted; can be empty.")

    @classmethod
    def serialize(cls, value: Restriction) -> dict[str, Any]:
        people = {
            name: person and public_name(person)
            for name in ("actor", "lifted_by")
            for person in [getattr(value, name)]
        }
        return {**super().serialize(value), **people}


class RestrictionsViewSet(GamificationViewSet):
    """The restrictions of one user."""

    lookup_field = "kind"
    lookup_value_regex = "|".join(RestrictionKind.values)

    @operation(
        query=PageQuery,
        response=page_serializer(RestrictionSerializer),
        permission=_PERMISSION,
        response_example=page_example(EXAMPLE),
    )
    def list(self, request: Request, user: str, query: Mapping[str, Any]) -> Page:
        """List the restrictions of a user, latest first, including past ones."""
        rows = all_restrictions(find_user(user))
        return paginate_rows(request, query, rows)

    @operation(
        body=RestrictionBody,
        response=RestrictionSerializer,
        status=201,
        permission=_PERMISSION,
        scope="write",
        errors=(ours.InvalidInstantError,),
        body_example={
            "kind": "hold",
            "until": EXAMPLE["until"],
            "reason": EXAMPLE["reason"],
        },
        response_example=EXAMPLE,
    )
    def create(
        self, request: Request, user: str, body: Mapping[str, Any]
    ) -> Restriction:
        """Hold a user until a date, or exclude them from the game.

        The user keeps all XP. A restriction replaces another of its kind.
        """
        found, reason, until = find_user(user), body["reason"], body.get("until")
        if body["kind"] == RestrictionKind.EXCLUSION:
            if until is not None:
                raise ours.InvalidInstantError("An exclusion ends when it is lifted.")
            return exclude_user(found, reason=reason, actor=request.user)
        if until is None:
            raise ours.InvalidInstantError("A hold needs the time at which it ends.")
        return hold_user(found, until=until, reason=reason, actor=request.user)

    @action(detail=True, methods=["post"])
    @operation(
        body=LiftBody,
        response=RestrictionSerializer,
        permission=_PERMISSION,
        scope="write",
        body_example={"reason": _LIFTED["lift_reason"]},
        response_example=_LIFTED,
    )
    def lift(
        self, request: Request, user: str, kind: str, body: Mapping[str, Any]
    ) -> Restriction:
        """Lift the hold or the exclusion of a user.

        The status is 404 if the user has none, or if it was lifted before.
        """
        found, reason = find_user(user), body["reason"]
        lifted = lift_restriction(found, kind, reason=reason, actor=request.user)
        if lifted is None:
            raise Http404
        return lifted
