"""Errors and users of whatever authentication the site has."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from rest_framework import exceptions as drf
from rest_framework.authentication import BaseAuthentication
from rest_framework.test import APIClient

from gamification.api.user_lookup import public_name
from gamification.api.views.base import GamificationViewSet
from gamification.services import record_activity
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API
from tests.api.sample_api import THINGS
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def sign_in(monkeypatch):
    """Let the site authenticate each request by calling a function."""

    def use(authenticate):
        class SiteAuthentication(BaseAuthentication):
            def authenticate(self, request):
                return authenticate(), None

            def authenticate_header(self, request):
                return 'Bearer realm="api"'

        monkeypatch.setattr(
            GamificationViewSet, "authentication_classes", [SiteAuthentication]
        )
        return APIClient()

    return use


def failing(error):
    def authenticate():
        raise error

    return authenticate


class ExpiredToken(drf.AuthenticationFailed):
    """The error of an expired token, as JSON Web Token packages raise it."""

    default_detail = "Token is invalid or expired"
    default_code = "token_not_valid"


EXPIRED = {
    "detail": "Given token not valid for any token type",
    "code": "token_not_valid",
    "messages": [{"token_class": "AccessToken", "message": "Token has expired"}],
}


def without_details(error: drf.APIException) -> drf.APIException:
    error.detail = {"why": [{"reason": "The token is old."}]}
    return error


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (ExpiredToken(EXPIRED), "token_not_valid", EXPIRED["detail"]),
        (ExpiredToken({**EXPIRED, "code": "user_inactive"}), "user_inactive", None),
        (ExpiredToken({"messages": ["Old.", "Bad."]}), "token_not_valid", "Old."),
        (ExpiredToken(["Old."], "old"), "old", "Old."),
        (ExpiredToken({}), "token_not_valid", "Token is invalid or expired"),
        (ExpiredToken([]), "token_not_valid", "Token is invalid or expired"),
        (ExpiredToken("Old.", "Your token is old!"), "token_not_valid", "Old."),
        (ExpiredToken("Old.", 7), "token_not_valid", "Old."),
        (
            without_details(ExpiredToken()),
            "token_not_valid",
            "The token is old.",
        ),
    ],
)
def test_an_error_of_the_site_s_authentication_has_a_plain_code(
    sample, sign_in, error, code, detail
):
    response = sign_in(failing(error)).get(THINGS)

    problem = assert_problem(response, 401, code)
    assert problem["detail"] == detail or detail is None
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_an_error_without_any_plain_code_has_a_general_one(sample, sign_in):
    error = drf.APIException("It is late.")
    error.default_code = error.detail = {"at": "It is late."}
    error.status_code = 401

    response = sign_in(failing(error)).get(THINGS)

    assert assert_problem(response, 401, "error")["detail"] == "It is late."


@pytest.mark.parametrize("key", ["__all__", "errors", "detail"])
def test_an_error_of_the_whole_has_no_pointer_whatever_the_site_calls_it(
    api, sample, settings, key
):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NON_FIELD_ERRORS_KEY": key}

    response = api.post(THINGS, ["no", "object"], format="json")

    assert errors_in(response) == {"": "invalid"}


def token_user(pk):
    """Return a user as stateless tokens make them: not from the database."""
    return SimpleNamespace(
        pk=pk, id=pk, username="", is_authenticated=True, is_active=True
    )


READS = ("me/", "me/calendar/", "me/ledger/", "me/celebrations/", "achievements/")


@pytest.fixture
def walker(activity):
    walker = UserFactory()
    record_activity(walker, "walk")
    return walker


@pytest.mark.parametrize("address", [*READS, "leaderboards/week/"])
def test_a_token_user_is_the_stored_user(sign_in, walker, address):
    stored = APIClient()
    stored.force_authenticate(walker)

    response = sign_in(lambda: token_user(str(walker.pk))).get(f"{API}{address}")

    assert response.status_code == 200
    assert response.json() == stored.get(f"{API}{address}").json()


def test_a_token_user_is_found_by_a_number_too(sign_in, walker):
    response = sign_in(lambda: token_user(walker.pk)).get(f"{API}me/")

    assert response.json()["user"] == public_name(walker)


@pytest.mark.parametrize("pk", ["0", "nobody", None, "\0", "9" * 30])
@pytest.mark.parametrize("address", READS)
def test_a_token_user_who_is_not_stored_is_unknown(sign_in, db, pk, address):
    response = sign_in(lambda: token_user(pk)).get(f"{API}{address}")

    assert_problem(response, 422, "unknown_user")


def test_a_token_of_a_deactivated_user_is_refused(sign_in, walker):
    get_user_model().objects.filter(pk=walker.pk).update(is_active=False)

    response = sign_in(lambda: token_user(walker.pk)).get(f"{API}me/")

    assert_problem(response, 401, "authentication_failed")


@pytest.mark.parametrize("user", [None, AnonymousUser()])
def test_a_token_of_nobody_permits_nothing(sign_in, user):
    response = sign_in(lambda: user).get(f"{API}me/")

    assert_problem(response, 403, "permission_denied")


@pytest.mark.parametrize("address", ["me/calendar/", "me/", "me/ledger/"])
def test_a_user_who_is_not_saved_is_unknown(address):
    api = APIClient()
    api.force_authenticate(get_user_model()(pk=None))

    assert_problem(api.get(f"{API}{address}"), 422, "unknown_user")
