from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from rest_framework.authtoken.models import Token
from rest_framework.schemas import DefaultSchema
from rest_framework.test import APIClient

from gamification.api.openapi import OperationSchema
from gamification.api.views.base import schema
from tests.api.assertions import assert_problem
from tests.api.sample_api import THINGS

pytestmark = pytest.mark.django_db

ITEM = f"{THINGS}1/"


def allowed(response) -> set[str]:
    return set(response["Allow"].split(", "))


def test_anonymous_users_are_told_how_to_sign_in(sample):
    response = APIClient().get(THINGS)

    assert_problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Token"
    assert sample.calls == []


@pytest.mark.parametrize("token", ["nonsense", "\u00e9", "a b", ""])
def test_a_token_that_is_none_is_refused(sample, token):
    client = APIClient(headers={"Authorization": f"Token {token}"})

    assert_problem(client.get(THINGS), 401, "authentication_failed")


def test_the_token_of_an_inactive_user_is_refused(sample, user):
    token = Token.objects.create(user=user)
    client = APIClient(headers={"Authorization": f"Token {token.key}"})
    assert client.get(THINGS).status_code == 200

    user.is_active = False
    user.save()

    assert_problem(client.get(THINGS), 401, "authentication_failed")


def test_the_token_of_a_deleted_user_is_refused(sample, user):
    key = Token.objects.create(user=user).key
    user.delete()

    client = APIClient(headers={"Authorization": f"Token {key}"})

    assert_problem(client.get(THINGS), 401, "authentication_failed")


def test_a_session_writes_with_a_csrf_token_only(sample, user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)

    reading = client.get(THINGS)
    writing = client.post(THINGS, {"name": "a"}, content_type="application/json")

    assert reading.status_code == 200
    assert_problem(writing, 403, "permission_denied")
    assert len(sample.calls) == 1


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        ("name=a", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("{", "application/json", 400, "parse_error"),
        ("{}", "application/json", 403, "permission_denied"),
        ("[]", "application/json", 403, "permission_denied"),
    ],
)
def test_the_csrf_token_is_looked_for_in_any_body(
    sample, user, body, content_type, status, code
):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    client.cookies["csrftoken"] = "a" * 32

    response = client.generic("POST", THINGS, body, content_type=content_type)

    assert_problem(response, status, code)


def test_a_permission_is_asked_for_whether_or_not_the_thing_exists(api, sample):
    assert_problem(api.delete(ITEM), 403, "permission_denied")

    assert sample.calls == []


def test_a_refusal_names_the_permission(api, sample):
    problem = assert_problem(api.delete(ITEM), 403, "permission_denied")

    assert problem["detail"] == "You need the permission gamification.record_activity."


def test_a_user_with_the_permission_may(api, user, sample):
    user.user_permissions.add(Permission.objects.get(codename="record_activity"))

    response = api.delete(ITEM)

    assert (response.status_code, response.content) == (204, b"")
    assert sample.calls == [{"pk": "1"}]


@pytest.mark.parametrize(
    "method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
)
def test_no_other_method_is_answered(api, sample, method):
    response = api.generic(method, THINGS, b"{}", content_type="application/json")

    assert_problem(response, 405, "method_not_allowed")
    assert allowed(response) == {"GET", "HEAD", "POST"}
    assert sample.calls == []


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override"])
def test_a_method_cannot_be_overridden(api, sample, header):
    body = {"name": "a", "_method": "DELETE"}

    api.post(THINGS, {"name": "a"}, format="json", headers={header: "DELETE"})
    api.post(THINGS, body, format="json")

    assert sample.calls == [{"body": {"name": "a"}}]


def test_a_head_is_a_get_without_its_body(api, sample):
    response = api.head(THINGS)

    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Length"] == str(len(api.get(THINGS).content))


@pytest.mark.parametrize(
    "accept", ["text/html", "image/png", "application/xml", "?", ""]
)
def test_JSON_is_answered_whatever_is_asked_for(api, sample, accept):
    good = api.get(THINGS, headers={"Accept": accept})
    bad = api.get(f"{THINGS}?a=1", headers={"Accept": accept})

    assert good["Content-Type"] == "application/json"
    assert_problem(bad, 400, "invalid")


def test_answers_are_for_one_user_and_to_be_asked_for_again(api, sample):
    for response in (api.get(THINGS), api.get(f"{THINGS}?a=1"), api.post(THINGS)):
        assert response["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "Cookie"} <= {*response["Vary"].split(", ")}


def test_the_site_s_defaults_are_not_those_of_the_api(api, sample, settings):
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
        "DEFAULT_VERSIONING_CLASS": (
            "rest_framework.versioning.AcceptHeaderVersioning"
        ),
        "EXCEPTION_HANDLER": "nowhere.handler",
        "URL_FORMAT_OVERRIDE": "page",
    }

    assert api.get(THINGS).json() == {"name": "thing"}
    assert_problem(api.get(f"{THINGS}?page=0"), 400, "invalid")


def polled(api, **headers: str):
    return api.get(THINGS, headers=headers)


def test_a_known_response_is_not_sent_again(api, sample):
    tag = polled(api)["ETag"]

    response = polled(api, **{"If-None-Match": f'"other", W/{tag}'})

    assert (response.status_code, response.content) == (304, b"")
    assert response["ETag"] == tag
    assert response["Cache-Control"] == "private, no-cache"
    assert "Content-Type" not in response


@pytest.mark.parametrize("known", ['"other"', "nonsense", "", '"'])
def test_an_unknown_ETag_gets_the_response(api, sample, known):
    response = polled(api, **{"If-None-Match": known})

    assert (response.status_code, response.json()) == (200, {"name": "thing"})


def test_an_asterisk_matches_every_ETag(api, sample):
    assert polled(api, **{"If-None-Match": "*"}).status_code == 304


@pytest.mark.parametrize(
    ("header", "value"),
    [("If-Match", '"other"'), ("If-Unmodified-Since", "Sun, 01 Mar 2026 00:00:00 GMT")],
)
def test_a_precondition_is_not_for_a_read(api, sample, header, value):
    assert polled(api, **{header: value}).status_code == 200


def test_another_response_has_another_ETag(api, sample):
    before = polled(api)["ETag"]
    sample.work = lambda: SimpleNamespace(name="other")

    assert polled(api)["ETag"] != before


def test_only_good_answers_that_are_polled_have_a_tag(api, sample):
    assert "ETag" not in api.get(ITEM)
    assert "ETag" not in api.get(f"{THINGS}?a=1")


def test_middleware_that_compares_tags_changes_nothing(api, sample, settings):
    settings.MIDDLEWARE = [
        "django.middleware.http.ConditionalGetMiddleware",
        "django.middleware.gzip.GZipMiddleware",
        *settings.MIDDLEWARE,
    ]
    tag = polled(api)["ETag"]

    assert polled(api, **{"If-None-Match": tag}).status_code == 304
    assert polled(api, **{"If-None-Match": '"other"'}).status_code == 200


def test_drf_spectacular_is_told_what_the_specs_say():
    assert type(schema()) is OperationSchema


def test_without_drf_spectacular_nobody_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "drf_spectacular", None)

    assert type(schema()) is DefaultSchema
