"""What no operation takes, tried on every one of them."""

from __future__ import annotations

import json
import re

import pytest
from django.core.cache import cache

from gamification.api.fields import QuerySerializer
from gamification.api.rule_fields import RuleField
from tests.api.assertions import assert_problem, errors_in
from tests.api.dataset import Dataset
from tests.api.routes import OPERATIONS, Operation
from tests.inspection import everything, written_statements

pytestmark = pytest.mark.django_db

WRITING = [each for each in OPERATIONS if each.spec.body]
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)
each_writing = pytest.mark.parametrize("operation", WRITING, ids=str)

#: What users would like to change, and must not.
COVETED = {
    "id": 1,
    "user": "user.name",
    "user_id": 1,
    "amount": 1_000,
    "credited": 1_000,
    "quantity": 1_000,
    "xp": 1_000,
    "total_xp": 1_000,
    "level": 30,
    "highest_level": 30,
    "current_streak": 30,
    "longest_streak": 30,
    "unlocked_at": "2026-03-02T12:00:00Z",
    "created_at": "2026-03-02T12:00:00Z",
    "recorded_at": "2026-03-02T12:00:00Z",
    "version": 1,
    "actor": "user.name",
    "historical": True,
    "celebrate": True,
    "is_staff": True,
    "is_superuser": True,
}

#: Names of the variable parts of addresses, with what is really there.
PARTS = {
    "key": "shown",
    "user": "public",
    "window": "week",
    "id": "own",
    "kind": "kind",
}


@pytest.fixture(autouse=True)
def nothing_changes(dataset):
    with written_statements() as written:
        yield
    assert not written or everything() == dataset.rows


def address_of(operation: Operation) -> str:
    """Return an address at which there is something."""
    return re.sub("<(.*?)>", lambda part: "{" + PARTS[part[1]] + "}", operation.route)


def send(dataset: Dataset, operation: Operation, raw: bytes, query: str = ""):
    """Send ``raw`` as somebody with all permissions."""
    path = f"/api/gamification/v1/{address_of(operation).format(**dataset.names)}"
    return dataset.clients["allowed"].generic(
        operation.method,
        path,
        raw,
        content_type="application/json",
        headers={"If-Match": "*"},
        QUERY_STRING=query,
    )


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


BODIES = (
    b"",
    b"null",
    b'"x"',
    b"7",
    b"[]",
    b"{",
    b'{"\\u0000": 1}',
    b'{"\\ud800": 1}',
    b'{"a": 1, "a": 1}',
    b'{"a": NaN}',
    b'{"a": 1e400}',
    b'{"a": %s}' % (b"9" * 5_000),
    nested(900),
    nested(3_000),
    nested(100_000),
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
    b"[%s]" % b",".join([b"1"] * 100_000),
)


@each_writing
def test_a_body_that_is_none(dataset, operation):
    for raw in BODIES:
        response = send(dataset, operation, raw)

        assert (response.status_code, raw[:20]) == (400, raw[:20])
        assert_problem(response, 400, response.json()["code"])


@each_writing
def test_a_body_of_10_megabytes(dataset, operation):
    assert_problem(send(dataset, operation, b"x" * 10_000_000), 413, "body_too_large")


def wrong_values(name: str, field) -> list[object]:
    """Return what no field of any kind takes, and what this one does not."""
    values = [
        [[]],
        {"a": {"a": 1}},
        1.5,
        "\0",
        "\ud800",
        "a" * 5_000,
        2**63,
        -(2**63) - 1,
    ]
    if isinstance(field, RuleField):
        # A rule is an object; what is wrong within it is another error.
        values = [each for each in values if not isinstance(each, dict)]
    return values if field.allow_null else [*values, None]


@each_writing
def test_a_field_that_is_of_another_kind(dataset, operation):
    body = dataset.bodies[str(operation)]
    for name, field in operation.spec.body().fields.items():
        # Fewer requests than are throttled.
        cache.clear()
        for value in wrong_values(name, field):
            sent = json.dumps({**body, name: value}).encode()

            errors = errors_in(send(dataset, operation, sent))

            assert {pointer.split("/")[1] for pointer in errors} == {name}, value


@each_writing
def test_fields_that_users_covet_are_refused(dataset, operation):
    known = operation.spec.body().fields.keys()
    coveted = {name: value for name, value in COVETED.items() if name not in known}
    body = dataset.bodies[str(operation)] | coveted

    errors = errors_in(send(dataset, operation, json.dumps(body).encode()))

    assert errors == {f"/{name}": "unknown" for name in sorted(coveted)[:20]}


UNKNOWN = (
    "format=zzz",
    "is_staff=true",
    "user_id=1&user_id=1",
    "a=%ED%A0%80",
    "&".join(["a=1"] * 2_000),
)


@each_operation
def test_a_parameter_that_nobody_knows(dataset, operation):
    body = json.dumps(dataset.bodies.get(str(operation), {})).encode()
    for query in UNKNOWN:
        response = send(dataset, operation, body, query)

        assert_problem(response, 400, response.json()["code"])


READING = [each for each in OPERATIONS if each.spec.query is not QuerySerializer]

#: No parameter is like that.
VALUES = ("", "%00", "a%00b", "%F0%9F%98%80" * 300, "1" * 5_000)


@pytest.mark.parametrize("operation", READING, ids=str)
def test_a_parameter_that_is_of_another_kind(dataset, operation):
    for name in operation.spec.query().fields:
        for value in VALUES:
            response = send(dataset, operation, b"", f"{name}={value}")

            assert errors_in(response).keys() == {f"/{name}"}


ADDRESSED = [each for each in OPERATIONS if "<" in each.route]


PARTS_OF_NOTHING = (
    "%00",
    "a%00b",
    "%ED%A0%80",
    "%0A",
    "-1",
    "0",
    str(10**24),
    "9" * 5_000,
    "%EF%BC%91",
    "..%2F..",
    "%27%20OR%201%3D1",
    "%F0%9F%98%80",
    "a" * 4_000,
)


@pytest.mark.parametrize("operation", ADDRESSED, ids=str)
def test_nothing_is_at_such_an_address(dataset, operation):
    body = dataset.bodies.get(str(operation), {})
    for part in PARTS_OF_NOTHING:
        path = re.sub("<.*?>", part, operation.route)

        response = dataset.ask("allowed", operation.method, path, body)

        assert_problem(response, 404, response.json()["code"])
