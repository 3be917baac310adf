"""The schema has the defaults of new definitions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.clients import API, client_of
from tests.api.test_openapi import SCHEMA
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

#: The fields that a new definition must have, by kind.
NEEDED: dict[str, dict[str, Any]] = {
    "achievement": {"category": "milestones", "criterion": "level"},
    "activity": {},
    "boost": {
        "factor": "2.00",
        "starts_at": "2100-01-01T00:00:00Z",
        "ends_at": "2100-01-02T00:00:00Z",
    },
    "streak": {},
}
PLURALS = {"activity": "activities"}

each_kind = pytest.mark.parametrize("kind", NEEDED)


def add(kind: str, **fields: Any) -> Any:
    model = "streakdefinition" if kind == "streak" else kind
    client = client_of(UserFactory(), f"view_{model}", f"add_{model}")
    body = {"key": "new", "name": "New", **NEEDED[kind], **fields}
    return client.post(f"{API}{PLURALS.get(kind, kind + 's')}/", body)


def defaults_of(kind: str) -> dict[str, Any]:
    body = SCHEMA["components"]["schemas"][f"GamificationNew{kind.capitalize()}Request"]
    fields = {n: each for n, each in body["properties"].items() if "default" in each}
    assert fields.keys() == body["properties"].keys() - {*body["required"]}
    return {name: each["default"] for name, each in fields.items()}


@each_kind
def test_what_a_new_definition_leaves_out_has_its_default(kind):
    made = add(kind).json()

    defaults = defaults_of(kind)
    assert {name: made[name] for name in defaults} == defaults


@each_kind
def test_a_new_definition_can_have_all_defaults(kind):
    made = add(kind, **defaults_of(kind))

    assert made.status_code == 201, made.json()
