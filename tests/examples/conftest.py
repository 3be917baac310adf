from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from rest_framework.authtoken.models import Token

from tests.factories import UserFactory


@pytest.fixture
def player(transactional_db):
    return UserFactory(username="ada")


@pytest.fixture
def service(transactional_db):
    service = UserFactory(username="tracker")
    service.user_permissions.add(Permission.objects.get(codename="record_activity"))
    return service


@pytest.fixture
def token_of():
    return lambda user: Token.objects.get_or_create(user=user)[0].key
