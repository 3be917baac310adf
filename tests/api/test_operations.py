from __future__ import annotations

from datetime import date

import pytest
from rest_framework import serializers
from rest_framework.response import Response

from gamification.api.fields import BoundedListField
from gamification.api.operations import OperationSpec, spec_of
from tests.api.assertions import assert_problem, errors_in
from tests.api.routes import OPERATIONS
from tests.api.sample_api import THINGS, ThingViewSet

pytestmark = pytest.mark.django_db


def test_an_operation_is_called_with_its_checked_query(api, sample):
    api.get(THINGS, {"since": "2026-03-02", "is_on": "true", "page_size": 100})

    assert sample.calls == [
        {
            "query": {
                "page": 1,
                "page_size": 100,
                "since": date(2026, 3, 2),
                "is_on": True,
            }
        }
    ]


def test_an_operation_is_called_with_its_checked_body(api, sample):
    api.post(THINGS, {"name": " a ", "amount": -7}, format="json")

    assert sample.calls == [{"body": {"name": " a ", "amount": -7}}]


def test_an_operation_may_take_a_list(api, sample):
    api.post(f"{THINGS}many/", [{"whatever": 1}], format="json")
    api.post(f"{THINGS}many/", {"name": "a"}, format="json")

    assert sample.calls == [{"body": [{"whatever": 1}]}, {"body": {"name": "a"}}]


def test_the_returned_value_becomes_a_response_with_the_status_of_the_spec(api, sample):
    response = api.post(THINGS, {"name": "a"}, format="json")

    assert (response.status_code, response.json()) == (201, {"name": "thing"})


def test_an_operation_may_return_a_response_itself(api, sample):
    sample.work = lambda: Response({"own": True}, 202)

    response = api.get(f"{THINGS}1/")

    assert (response.status_code, response.json()) == (202, {"own": True})


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("page=0", {"/page": "min_value"}),
        ("page=-1", {"/page": "min_value"}),
        (f"page={10**23}", {"/page": "invalid"}),
        ("page=last", {"/page": "invalid"}),
        ("page=%EF%BC%91", {"/page": "invalid"}),
        ("page=", {"/page": "invalid"}),
        ("page_size=1000000000", {"/page_size": "max_value"}),
        ("page_size=101", {"/page_size": "max_value"}),
        ("page_size=0", {"/page_size": "min_value"}),
        ("since=2026-13-40", {"/since": "invalid"}),
        ("is_on=1", {"/is_on": "invalid_choice"}),
        ("search=%00", {"/search": "unstorable"}),
        ("search=" + "a" * 10_000, {"/search": "max_length"}),
        ("format=zzz", {"/format": "unknown"}),
        ("%00=1", {"/\0": "unknown"}),
        ("page=1&page=1", {"/page": "repeated"}),
        ("page=1&page=2&a=1&a=2", {"/page": "repeated", "/a": "repeated"}),
    ],
)
def test_parameters_that_are_refused_say_which_and_why(api, sample, query, errors):
    response = api.get(THINGS, QUERY_STRING=query)

    assert errors_in(response) == errors
    assert sample.calls == []


@pytest.mark.parametrize(
    "query", ["search=%ED%A0%80", "%FF", "&".join(["page=1"] * 2_000), "search=\xe9"]
)
def test_parameters_that_cannot_be_read(api, sample, query):
    assert_problem(api.get(THINGS, QUERY_STRING=query), 400, "parse_error")

    assert sample.calls == []


def test_parameters_are_refused_where_there_are_none(api, sample):
    response = api.get(f"{THINGS}1/?format=json")

    assert errors_in(response) == {"/format": "unknown"}
    assert sample.calls == []


@pytest.mark.parametrize("charset", ["base64", "idna", "undefined", "utf-16"])
def test_the_charset_of_a_body_is_not_that_of_the_address(api, sample, charset):
    kind = f"application/json; charset={charset}"

    api.get(THINGS, QUERY_STRING="search=%C3%A9", CONTENT_TYPE=kind)

    assert sample.calls[0]["query"]["search"] == "é"


@pytest.mark.parametrize("item", ["a%00b", "%00", "%EF%BF%BD%00"])
def test_nothing_is_at_an_address_with_a_nul(api, sample, item):
    assert_problem(api.get(f"{THINGS}{item}/"), 404, "not_found")

    assert sample.calls == []


def test_an_item_may_be_called_anything_else(api, sample):
    for name in ("a.b", "%C3%A9", "%ED%A0%80", str(10**24), "-1", "a@b", "%0A"):
        api.get(f"{THINGS}{name}/")

    assert [call["pk"] for call in sample.calls] == [
        "a.b",
        "é",
        "%ED%A0%80",
        "1000000000000000000000000",
        "-1",
        "a@b",
        "\n",
    ]


def test_a_view_without_an_action_has_no_spec():
    view = ThingViewSet()
    view.action = None

    assert spec_of(view) is None


def test_an_operation_is_found_by_its_action():
    view = ThingViewSet()
    view.action = "destroy"

    spec = spec_of(view)

    assert isinstance(spec, OperationSpec)
    assert spec.permission == "gamification.record_activity"


def lists_of(spec: OperationSpec) -> list[serializers.ListField]:
    fields = [*spec.query().fields.values()]
    fields += spec.body().fields.values() if spec.body else []
    return [field for field in fields if isinstance(field, serializers.ListField)]


def test_every_list_that_a_client_may_send_is_bounded():
    lists = [each for operation in OPERATIONS for each in lists_of(operation.spec)]

    assert lists
    assert {type(each) for each in lists} == {BoundedListField}
    assert max(each.max_length for each in lists) <= 1_000
