from __future__ import annotations

import inspect

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import (
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from django.http import Http404, HttpResponse, UnreadablePostError
from django.http.request import RawPostDataException
from django.test import Client
from django.urls import include, path
from django.utils import translation
from rest_framework import exceptions as drf
from rest_framework.test import APIClient

from gamification import exceptions as ours
from gamification.api.exceptions import (
    MAX_ERRORS,
    problem,
    status_for,
    validation_problem,
)
from gamification.services import (
    record_activity,
)
from tests.api.assertions import assert_problem
from tests.api.sample_api import THINGS
from tests.inspection import ledger_of

pytestmark = pytest.mark.django_db


def raising(error: Exception):
    def work():
        raise error

    return work


def test_a_problem_has_the_members_of_RFC_9457_and_a_code():
    assert problem(422, "unknown_user", "There is no such user.", index=3) == {
        "type": "urn:gamification:problem:unknown_user",
        "title": "Unknown user",
        "status": 422,
        "code": "unknown_user",
        "detail": "There is no such user.",
        "index": 3,
    }


@pytest.mark.parametrize("status", [299, 419, 499, 599])
def test_a_status_may_be_unknown_to_the_standard(status):
    assert problem(status, "odd", "")["title"] == "Odd"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ours.InvalidQuantityError(), 400, "invalid_quantity"),
        (ours.UnknownActivityError(), 422, "unknown_activity"),
        (ours.InactiveActivityError(), 422, "inactive_activity"),
        (ours.IdempotencyConflictError(), 422, "idempotency_conflict"),
        (ours.TooOldError(), 422, "too_old"),
        (ours.InsufficientXPError(), 409, "insufficient_xp"),
        (ours.StorageError(), 503, "storage_error"),
        (ours.StorageSetupError(), 500, "storage_setup"),
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "permission_denied"),
        (SuspiciousOperation(), 400, "malformed"),
        (RawPostDataException(), 400, "malformed"),
        (UnreadablePostError(), 400, "malformed"),
        (OperationalError(), 503, "storage_error"),
        (InterfaceError(), 503, "storage_error"),
        (InternalError(), 503, "storage_error"),
        (drf.NotFound(), 404, "not_found"),
        (drf.AuthenticationFailed(), 401, "authentication_failed"),
    ],
)
def test_an_error_becomes_a_problem(api, sample, error, status, code):
    sample.work = raising(error)

    assert_problem(api.get(THINGS), status, code)


def test_a_problem_has_the_message_of_our_own_errors(api, sample):
    sample.work = raising(ours.InsufficientXPError("There are 7 XP."))

    assert api.get(THINGS).json()["detail"] == "There are 7 XP."


def test_the_status_of_another_app_s_error_may_be_unknown(api, sample):
    error = drf.APIException("Calm down.", "calm_down")
    error.status_code = 420
    sample.work = raising(error)

    assert assert_problem(api.get(THINGS), 420, "calm_down")["detail"] == "Calm down."


def test_a_database_error_may_be_tried_again(api, sample):
    sample.work = raising(OperationalError("secret host is down"))

    response = api.get(THINGS)

    assert response["Retry-After"] == "1"
    assert response.json()["detail"] == "The database is not available."


def test_a_database_that_needs_repair_is_not_tried_again(api, sample):
    sample.work = raising(ours.StorageSetupError("The disk of the database is full."))

    response = api.get(THINGS)

    problem = assert_problem(response, 500, "storage_setup")
    assert problem["detail"] == "The disk of the database is full."
    assert "Retry-After" not in response


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("SELECT 1 FROM nowhere", "A table"),
        ("SELECT nowhere FROM gamification_activity", "A column"),
    ],
)
def test_a_read_from_a_missing_table_or_column_says_what_to_do(
    api, sample, query, what, caplog
):
    def read():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(query)

    sample.work = read

    response = api.get(THINGS)

    problem = assert_problem(response, 500, "storage_setup")
    assert problem["detail"] == f"{what} is missing: run `manage.py migrate`."
    assert "Retry-After" not in response
    assert "The API answered 500." in caplog.messages


@pytest.mark.parametrize("bug", [ZeroDivisionError, IntegrityError])
def test_a_bug_is_left_to_the_site(api, sample, bug):
    sample.work = raising(bug())

    with pytest.raises(bug):
        api.get(THINGS)


def test_an_error_rolls_back_where_a_request_is_a_transaction(
    api, sample, user, activity, monkeypatch
):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)  # noqa: FBT003

    def work():
        record_activity(user, activity.key)
        raise ours.InsufficientXPError

    sample.work = work

    assert_problem(api.get(THINGS), 409, "insufficient_xp")
    assert list(ledger_of(user)) == []


def test_every_error_of_ours_has_a_status():
    errors = [
        error
        for _, error in inspect.getmembers(ours, inspect.isclass)
        if issubclass(error, ours.GamificationError)
    ]

    assert {status_for(error) for error in errors} <= {
        400,
        403,
        404,
        409,
        412,
        422,
        428,
        500,
        503,
    }


def test_a_detail_that_quotes_a_lone_surrogate_can_be_answered(api, sample):
    sample.work = raising(ours.InvalidTextError("\ud800 is no text."))

    assert api.get(THINGS).json()["detail"] == "? is no text."


def test_errors_of_a_part_are_told_from_the_whole():
    error = drf.ValidationError({"a": [{}, {"b": ["Wrong."]}], "c": {"d/e": ["No."]}})

    assert [
        found["pointer"] for found in validation_problem(error, "/7")["errors"]
    ] == [
        "/7/a/1/b",
        "/7/c/d~1e",
    ]


def test_errors_of_a_whole_point_at_it():
    error = drf.ValidationError({"non_field_errors": ["Wrong."]})

    assert validation_problem(error)["errors"] == [
        {"pointer": "", "code": "invalid", "detail": "Wrong."}
    ]


def test_errors_are_not_told_without_end():
    error = drf.ValidationError({str(number): ["No."] for number in range(1_000)})

    assert len(validation_problem(error)["errors"]) == MAX_ERRORS


def test_words_are_translated_and_codes_are_not(api, sample, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.middleware.locale.LocaleMiddleware",
    ]
    german = {"Accept-Language": "de"}

    # The middleware leaves the language to whatever comes next in the thread.
    with translation.override(None):
        [error] = api.post(THINGS, {}, "json", headers=german).json()["errors"]
        stranger = APIClient().get(THINGS, headers=german).json()

    assert (error["code"], error["detail"]) == (
        "required",
        "Dieses Feld ist zwingend erforderlich.",
    )
    assert (stranger["code"], stranger["title"]) == (
        "not_authenticated",
        "Not authenticated",
    )
    assert stranger["detail"] == "Anmeldedaten fehlen."


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]
)
@pytest.mark.parametrize("item", ["1/nothing/", "1", "1/%00", "%00/%ED%A0%80/", "%0A"])
def test_another_address_of_the_API_is_a_problem_for_any_method(sample, method, item):
    client = Client(enforce_csrf_checks=True)

    response = client.generic(method, f"{THINGS}{item}", b"{", content_type="text/html")

    if method == "HEAD":
        assert (response.status_code, response.content) == (404, b"")
    else:
        assert_problem(response, 404, "not_found")


@pytest.mark.parametrize("address", ["v2/", "v1/", "v1/orders/", "v1/users/"])
def test_an_address_beside_the_API_is_left_to_the_site(address):
    response = Client().get(f"/api/gamification/{address}")

    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def order_view(request):
    return HttpResponse("An order.")


urlpatterns = [
    path("api/", include("gamification.api.urls")),
    path("api/v1/orders/", order_view),
    path("api/v1/users/", order_view),
]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("address", ["orders/", "users/"])
def test_a_site_may_have_addresses_of_its_own_under_the_same_version(address):
    assert Client().get(f"/api/v1/{address}").content == b"An order."


def test_nobody_has_to_sign_in_to_be_told_so(sample, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]

    assert_problem(Client().get(f"{THINGS}1/nothing/"), 404, "not_found")
    assert_problem(APIClient().get(THINGS), 401, "not_authenticated")
