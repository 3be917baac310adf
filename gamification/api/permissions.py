"""Permissions that operations require."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from gamification.api.operations import spec_of
from gamification.staff import has_any_permission


class HasOperationPermission(BasePermission):
    """Requires the permission that the spec of the operation names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        spec = spec_of(view)
        name = spec.permission if spec else None
        return name is None or has_any_permission(request.user, name)
