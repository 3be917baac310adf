"""Clients of the API for users with permissions."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

API = "/api/gamification/v1/"


class JSONClient(APIClient):
    """Posts JSON, even JSON that no other client would send."""

    def post(self, path: str, data: Any = None, **options: Any) -> Any:
        content = {"content_type": "application/json"}
        return super().post(path, json.dumps(data), **content | options)


def client_of(user: Any, *permissions: str) -> JSONClient:
    """Return a client of ``user``, who is signed in and has these permissions too."""
    ours = Permission.objects.filter(content_type__app_label="gamification")
    user.user_permissions.add(*ours.filter(codename__in=permissions))
    client = JSONClient()
    client.force_authenticate(user)
    return client
