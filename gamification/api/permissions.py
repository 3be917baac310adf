"""Permissions that operations require, and refusals that name them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from gamification.api.operations import spec_of
from gamification.staff import has_any_permission


class HasOperationPermission(BasePermission):
    """Requires the permission that the spec of the operation names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        spec = spec_of(view)
        name = spec.permission if spec else None
        if name is None or has_any_permission(request.user, name):
            return True
        #: What Django REST framework tells the client.
        self.message = str(refusal(name).detail)
        return False


def check_permissions(user: Any, names: Iterable[str]) -> None:
    """Raise ``PermissionDenied`` unless ``user`` has all of the permissions."""
    missing = [name for name in names if not has_any_permission(user, name)]
    if missing:
        raise refusal(*missing)


def refusal(*names: str) -> PermissionDenied:
    """Return the refusal of a user who lacks these permissions."""
    what = "permission" if len(names) == 1 else "permissions"
    return PermissionDenied(f"You need the {what} {', '.join(names)}.")
