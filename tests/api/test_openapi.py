from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import Permission
from django.core.management import call_command
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from gamification.api.exceptions import MEMBERS
from gamification.conf import Settings
from tests.api.routes import OPERATIONS

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "docs" / "openapi.yaml"
SCHEMA = yaml.load(FILE.read_text(), Loader=yaml.CSafeLoader)
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


def wrong(values: dict[str, Any], is_right: Callable[[Any], object]) -> dict[str, Any]:
    """Return the values that are not right, each with the name of its operation."""
    return {name: value for name, value in values.items() if not is_right(value)}


COMPONENTS = closed(SCHEMA["components"])


def test_the_committed_schema_is_that_of_the_code(capsys):
    call_command("spectacular", "--fail-on-warn")

    made = capsys.readouterr()
    assert made.err == ""
    assert made.out == FILE.read_text(), "Run `make schema`."


def test_the_committed_schema_is_valid():
    validate_schema(SCHEMA)


def test_patterns_have_the_syntax_of_ecmascript():
    """Python's own ends and groups, such as ``\\Z``, mean something else there."""
    patterns = re.findall(r"pattern: (.+)", FILE.read_text())

    assert patterns
    assert [each for each in patterns if re.search(r"\\[AZ]|\(\?P", each)] == []


def test_every_operation_is_in_the_schema():
    names = {
        str(operation).replace("<", "{").replace(">", "}") for operation in OPERATIONS
    }

    assert DOCUMENTED.keys() == names


def test_an_operation_has_a_summary():
    summaries = [operation["summary"] for operation in DOCUMENTED.values()]

    assert [text for text in summaries if not 10 < len(text) < 100] == []
    assert [text for text in summaries if text.endswith(".")] == []


def test_an_operation_answers_statuses_that_clients_can_expect():
    statuses = {
        name: {int(status) for status in operation["responses"]}
        for name, operation in DOCUMENTED.items()
    }
    expected = {400, 401, 403, 404, 429, 500, 503}

    assert wrong(statuses, lambda found: expected <= found <= STATUSES) == {}
    assert wrong(statuses, lambda found: found & {200, 201, 204}) == {}


def test_an_operation_says_how_long_to_wait():
    for status in ("429", "503"):
        sent = {
            name: operation["responses"][status]["headers"].keys()
            for name, operation in DOCUMENTED.items()
        }
        assert wrong(sent, lambda headers: headers == {"Retry-After"}) == {}


def test_an_operation_does_not_say_how_long_a_repair_takes():
    repairs = {name: each["responses"]["500"] for name, each in DOCUMENTED.items()}

    assert wrong(repairs, lambda repair: "headers" not in repair) == {}


def test_a_polled_operation_documents_its_ETag():
    polled = {name for name, each in DOCUMENTED.items() if "304" in each["responses"]}
    asking = {
        name
        for name, each in DOCUMENTED.items()
        if "If-None-Match" in {field["name"] for field in each.get("parameters", ())}
    }

    assert polled == asking
    assert [
        name
        for name in polled
        if "ETag" not in DOCUMENTED[name]["responses"]["200"].get("headers", {})
    ] == []


def test_the_facts_that_problems_tell_are_in_the_schema():
    facts = {name for names in MEMBERS.values() for name in names}

    assert (
        facts
        <= SCHEMA["components"]["schemas"]["GamificationProblem"]["properties"].keys()
    )


def test_every_body_and_response_has_an_example():
    assert [
        (name, where)
        for name, operation in DOCUMENTED.items()
        for where, content in contents(operation)
        if not content.get("examples")
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


def test_a_parameter_has_bounds():
    unbounded = [
        (name, parameter["name"])
        for name, operation in DOCUMENTED.items()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and not bounded(parameter["schema"])
    ]

    assert unbounded == []


def test_a_field_of_a_body_has_bounds():
    assert [
        (name, field)
        for name, component in SCHEMA["components"]["schemas"].items()
        if name.endswith("Request")
        for field, schema in component["properties"].items()
        if not bounded(schema)
    ] == []


def test_the_default_of_a_field_can_be_sent():
    assert [
        (name, field)
        for name, component in SCHEMA["components"]["schemas"].items()
        for field, schema in component.get("properties", {}).items()
        if "default" in schema
        and not Draft202012Validator(
            {**schema, "components": SCHEMA["components"]}
        ).is_valid(schema["default"])
    ] == []


def test_an_operation_is_counted_in_a_scope_that_has_a_rate():
    scopes = {str(operation): operation.spec.scope for operation in OPERATIONS}
    reading = {str(each) for each in OPERATIONS if each.method == "GET"}

    assert {*scopes.values()} <= {*Settings.THROTTLE_RATES}
    assert {name for name, scope in scopes.items() if scope == "read"} == reading


@pytest.mark.django_db
def test_a_permission_that_is_asked_for_exists():
    permissions = Permission.objects.values_list(
        "content_type__app_label", "codename", named=True
    )
    known = {f"{each.content_type__app_label}.{each.codename}" for each in permissions}

    assert {each.spec.permission for each in OPERATIONS} - {None, *known} == set()
