"""Every constraint has a name that says whose it is, and a test that violates it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps

from gamification.models import LedgerEntry

MODELS = list(apps.get_app_config("gamification").get_models())
CONSTRAINTS = {
    constraint.name: model for model in MODELS for constraint in model._meta.constraints
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_constraint_is_named_after_its_model(name):
    assert name.startswith(f"gamification_{CONSTRAINTS[name].__name__.lower()}_")


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_constraint_is_violated_by_a_test(name):
    tests = [path.read_text() for path in Path(__file__).parent.rglob("test_*.py")]

    assert any(f'"{name}"' in text for text in tests)


@pytest.mark.parametrize(
    "model", [m for m in MODELS if any(f.name == "user" for f in m._meta.fields)]
)
def test_every_uniqueness_is_for_a_user(model):
    unique = [
        constraint.fields
        for constraint in model._meta.constraints
        if hasattr(constraint, "fields")
    ]

    assert all("user" in fields for fields in unique)
    assert not model._meta.unique_together


def test_nothing_refers_to_the_ledger():
    assert LedgerEntry._meta.related_objects == ()


@pytest.mark.parametrize("model", MODELS)
def test_relations_have_names_and_columns_have_words(model):
    fields = model._meta.concrete_fields

    assert all(f.remote_field.related_name for f in fields if f.is_relation)
    assert all(f.verbose_name for f in fields)
