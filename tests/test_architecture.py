"""Who may import whom; the table is that of the design."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import gamification
from gamification import services

ROOT = Path(gamification.__file__).parent

#: What all that is not pure may use besides our own modules.
FRAMEWORK = {"django", "asgiref"}

#: What talks to the outside: people, other programs, a shell, templates.
EDGES = ("admin", "api", "management", "pages", "templatetags")

#: What every layer may use: it rests on the standard library alone.
NEUTRAL = ("strict_json", "suggestions")

#: What every layer above the models may read.
BELOW_STORAGE = ("models", "domain", "conf", "exceptions")


def _ours(*parts: str) -> set[str]:
    return {f"gamification.{part}" for part in parts}


#: What edges call. Nothing but these modules is imported from behind them.
FACADES = _ours("services", "staff", "maintenance", "leaderboards", "values")

#: Parts of the package, each with what it may import beside the standard library.
ALLOWED = {
    "domain": {
        "django.db.models.enums.TextChoices",
        "django.utils.translation.gettext_lazy",
        "gamification.suggestions",
    },
    "exceptions": {"django.utils.translation.gettext_lazy"},
    "signals": {"django.dispatch", "django.utils.translation.gettext_lazy"},
    "conf": {"django.conf", "gamification.domain"},
    "models": {"django", "gamification.domain", "gamification.conf"},
    "storage": {"django", *_ours("models", "domain", "conf")},
    "services": {*FRAMEWORK, *_ours("storage", "signals", *BELOW_STORAGE, *NEUTRAL)},
    # A facade of names, with no code of its own.
    "staff": _ours("domain", "services"),
    "values": _ours("domain", "services"),
    "maintenance": {
        "django",
        *_ours("services", "storage", "leaderboards", *BELOW_STORAGE),
    },
    "leaderboards": {
        *FRAMEWORK,
        *_ours("services", "storage.postgresql.prepared", *BELOW_STORAGE, *NEUTRAL),
    },
    "user_lookup": {"django", *_ours("conf", "models", "staff")},
    # What pieces of pages show, for all edges that make pages for users.
    "components": {"django", *FACADES, *_ours("models", "conf", "user_lookup")},
    "urls": _ours("pages"),
    "migrations": {"django"},
    "checks": {"django", *_ours("conf", "domain", "database_checks")},
    "database_checks": {"django", *_ours("conf", "domain")},
    "apps": {"django"},
    "testing": {*FRAMEWORK, *FACADES, *_ours("models", "signals", "exceptions")},
    **{
        edge: {
            *FRAMEWORK,
            *FACADES,
            *_ours("models", "conf", "exceptions", *NEUTRAL),
        }
        for edge in EDGES
    },
}
ALLOWED["api"] |= {"rest_framework", "drf_spectacular"}
ALLOWED["admin"] |= _ours("components")
ALLOWED["api"] |= _ours("user_lookup")
ALLOWED["pages"] |= _ours("components", "user_lookup")
ALLOWED["templatetags"] |= _ours("components")
ALLOWED["management"].add("tqdm")

#: Imports within a function: where importing earlier would be too early.
LAZY = {
    "apps": (
        "gamification.checks",
        "gamification.services.user_changes",
        "gamification.services.user_deletion",
    ),
    "checks": ("gamification.models", "gamification.services.catalogue.defaults"),
}


class Import(NamedTuple):
    """One imported name."""

    part: str
    path: str
    name: str
    is_lazy: bool

    def is_within(self, allowed: set[str]) -> bool:
        return any(
            f"{self.name}.".startswith(f"{prefix}.")
            for prefix in {*allowed, f"gamification.{self.part}"}
        )

    def is_from_python(self) -> bool:
        return self.name.split(".")[0] in sys.stdlib_module_names


@cache
def imports() -> list[Import]:
    return [*_read_imports()]


@cache
def foreign() -> list[Import]:
    return [each for each in imports() if not each.is_from_python()]


def _read_imports() -> Iterator[Import]:
    for path in sorted(ROOT.rglob("*.py")):
        relative = path.relative_to(ROOT)
        part = relative.parts[0].removesuffix(".py")
        tree = ast.parse(path.read_text())
        top = set(map(id, tree.body)) | {
            id(node)
            for block in tree.body
            if isinstance(block, (ast.If, ast.Try))
            for node in ast.walk(block)
        }
        for node in ast.walk(tree):
            for name in names_of(node):
                yield Import(part, str(relative), name, id(node) not in top)


def names_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert not node.level, "Imports are absolute."
        # A name of the package itself is one of its modules.
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def test_there_is_something_to_look_at():
    parts = {each.part for each in imports()}

    assert {"domain", "models", "storage", "services"} <= parts
    assert len(foreign()) > 100


def test_the_table_knows_every_part():
    assert {each.part for each in foreign()} <= ALLOWED.keys()


@pytest.mark.parametrize("part", ALLOWED)
def test_a_part_imports_only_what_it_may(part):
    wrong = [
        (each.path, each.name)
        for each in foreign()
        if each.part == part and not each.is_lazy and not each.is_within(ALLOWED[part])
    ]

    assert wrong == []


def test_no_edge_imports_behind_a_facade():
    wrong = [
        (each.path, each.name)
        for each in foreign()
        if each.part in {*EDGES, "components", "testing"}
        and each.name.startswith("gamification.services.")
        and each.name.split(".")[2] not in services.__all__
    ]

    assert wrong == []


def test_a_site_has_few_names_to_know():
    assert len(services.__all__) <= 60


def test_only_the_api_knows_the_rest_framework():
    wrong = [
        each.path
        for each in foreign()
        if each.name.startswith("rest_framework") and each.part != "api"
    ]

    assert wrong == []


def test_imports_are_at_the_top_but_where_that_is_too_early():
    wrong = [
        (each.path, each.name)
        for each in imports()
        if each.is_lazy and not each.name.startswith(LAZY.get(each.part, "nothing"))
    ]

    assert wrong == []


def test_nobody_imports_the_example_or_the_tests():
    wrong = [
        each.path
        for each in foreign()
        if each.name.split(".")[0] in {"example_project", "tests", "benchmarks"}
    ]

    assert wrong == []
