"""Host sites with user models of several kinds, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import IS_POSTGRESQL

ROOT = Path(__file__).parent.parent.parent

#: The user models, and what is special about each. The suite itself has UUIDs as keys.
MODELS = {
    "auth.User": "users of a class that inherits from it, with another key",
    "people.Teacher": "inherits from another table, with a key of its own",
    "people.Scholar": "inherits from another table, and links to it",
    "people.Customer": "a key that is a text, stored as a number; a quoted table",
    "people.Owner": "a key that is an object; signs in by mail",
    "people.Reader": "a key that is a text, sorted in a way of its own",
    "people.Pupil": "signs in with a number",
}

#: Those whose keys the SQL of the PostgreSQL store has to treat in another way.
ON_POSTGRESQL = ("auth.User", "people.Customer", "people.Owner", "people.Reader")

SITES = [(model, "sqlite") for model in MODELS]
if IS_POSTGRESQL:
    SITES += [(model, "postgresql") for model in ON_POSTGRESQL]

#: Most plugins, and the suite's own fixtures, take longer to load than the tests run.
LIGHT = ["-q", "--noconftest", "-p", "pytest_django.plugin", "-o", "addopts="]


@pytest.mark.parametrize(("model", "database"), SITES)
def test_a_host_site_works(model, database):
    # Migrations would take longer than all tests; one site has them for its schema.
    is_migrated = (model, database) == ("people.Customer", "postgresql")
    options = LIGHT + ([] if is_migrated else ["--nomigrations"])
    settings = ["--ds", "tests.hosts.settings"]
    done = subprocess.run(  # noqa: S603 - the arguments are our own
        [sys.executable, "-m", "pytest", *options, *settings, "tests/hosts/shared.py"],
        cwd=ROOT,
        env={
            **os.environ,
            "TEST_DATABASE": database,
            "TEST_USER_MODEL": model,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
