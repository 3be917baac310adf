from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import Permission
from django.core.management import call_command
from jsonschema import Draft202012Validator

from gamification.api.exceptions import MEMBERS
from gamification.conf import Settings
from tests.api.routes import OPERATIONS

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "docs" / "openapi.yaml"
SCHEMA = yaml.safe_load(FILE.read_text())
PREFIX = "/api/gamification/v1/"

#: What an answer may be, whatever is asked.
STATUSES = {200, 201, 204, 304} | {
    *(400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429, 500, 503)
}


def documented() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in SCHEMA["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path.removeprefix(PREFIX)}", operation


DOCUMENTED = dict(documented())
each_documented = pytest.mark.parametrize(
    "documented", DOCUMENTED.values(), ids=DOCUMENTED.keys()
)
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what may be sent and answered, with where it is said."""
    if "requestBody" in operation:
        yield "request", operation["requestBody"]["content"]["application/json"]
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            yield status, content


def closed(schema: Any) -> Any:
    """Return ``schema`` without leave for names that it does not know."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    own = {"additionalProperties": False} if "properties" in schema else {}
    return own | {name: closed(value) for name, value in schema.items()}


COMPONENTS = closed(SCHEMA["components"])


def test_the_committed_schema_is_that_of_the_code(capsys):
    call_command("spectacular", "--validate", "--fail-on-warn")

    made = capsys.readouterr()
    assert made.err == ""
    assert made.out == FILE.read_text(), "Run `make schema`."


def test_every_operation_is_in_the_schema():
    names = {
        str(operation).replace("<", "{").replace(">", "}") for operation in OPERATIONS
    }

    assert DOCUMENTED.keys() == names


@each_documented
def test_an_operation_has_a_summary(documented):
    assert 10 < len(documented["summary"]) < 100
    assert not documented["summary"].endswith(".")


@each_documented
def test_an_operation_answers_statuses_that_clients_can_expect(documented):
    statuses = {int(status) for status in documented["responses"]}

    assert {400, 401, 403, 404, 429, 500, 503} <= statuses <= STATUSES
    assert len(statuses & {200, 201, 204}) >= 1


@each_documented
def test_an_operation_says_how_long_to_wait(documented):
    for status in ("429", "503"):
        assert documented["responses"][status]["headers"].keys() == {"Retry-After"}


@each_documented
def test_an_operation_does_not_say_how_long_a_repair_takes(documented):
    assert "headers" not in documented["responses"]["500"]


@each_documented
def test_a_polled_operation_documents_its_ETag(documented):
    is_polled = "304" in documented["responses"]
    headers = documented["responses"].get("200", {}).get("headers", {})
    sent = {each["name"] for each in documented.get("parameters", ())}

    assert ("If-None-Match" in sent) == is_polled
    assert not is_polled or "ETag" in headers


def test_the_facts_that_problems_tell_are_in_the_schema():
    facts = {name for names in MEMBERS.values() for name in names}

    assert (
        facts
        <= SCHEMA["components"]["schemas"]["GamificationProblem"]["properties"].keys()
    )


@each_documented
def test_every_body_and_response_has_an_example(documented):
    assert [
        where for where, content in contents(documented) if not content.get("examples")
    ] == []


@each_documented
def test_an_example_matches_the_schema_and_has_nothing_more(documented):
    for _, content in contents(documented):
        schema = {**closed(content["schema"]), "components": COMPONENTS}
        for example in content["examples"].values():
            Draft202012Validator(schema).validate(example["value"])


@each_operation
def test_an_example_of_a_body_is_accepted(operation):
    spec = operation.spec
    examples = spec.body_example
    if spec.body is None:
        assert examples is None
    else:
        for example in examples if isinstance(examples, list) else [examples]:
            assert spec.body().run_validation(example)


def bounded(schema: dict[str, Any]) -> bool:
    """Say whether clients are told how large a value may be."""
    kinds = schema.get("type", "any")
    limits = {
        "integer": {"minimum", "maximum"},
        "string": {"maxLength"},
        "array": {"maxItems"},
    }
    if "enum" in schema or "format" in schema or "$ref" in str(schema):
        return True
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    return all(limits.get(kind, set()) <= schema.keys() for kind in kinds)


@each_documented
def test_a_parameter_has_bounds(documented):
    unbounded = [
        parameter["name"]
        for parameter in documented.get("parameters", ())
        if parameter["in"] == "query" and not bounded(parameter["schema"])
    ]

    assert unbounded == []


@pytest.mark.parametrize(
    "name",
    [name for name in SCHEMA["components"]["schemas"] if name.endswith("Request")],
)
def test_a_field_of_a_body_has_bounds(name):
    properties = SCHEMA["components"]["schemas"][name]["properties"]

    assert [field for field, schema in properties.items() if not bounded(schema)] == []


@each_operation
def test_an_operation_is_counted_in_a_scope_that_has_a_rate(operation):
    scope = operation.spec.scope

    assert scope in Settings.THROTTLE_RATES
    assert (scope == "read") == (operation.method == "GET")


@pytest.mark.django_db
@each_operation
def test_a_permission_that_is_asked_for_exists(operation):
    name = operation.spec.permission or "gamification.record_activity"
    label, codename = name.split(".")

    assert Permission.objects.filter(
        content_type__app_label=label, codename=codename
    ).exists()
