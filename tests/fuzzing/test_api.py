"""Requests that are made up from the schema, against a server with PostgreSQL.

A few in the suite; ``make fuzz`` makes up many, and tries every edge of the schema.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from rest_framework.authtoken.models import Token

from gamification.services import (
    record_activity,
)
from gamification.staff import relevel_users
from tests.factories import UserFactory

HERE = Path(__file__).parent
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "3")
PHASES = os.environ.get("FUZZ_PHASES", "examples,fuzzing,stateful")
#: Seconds for all of it; as long as it takes if empty.
SECONDS = os.environ.get("FUZZ_SECONDS", "")

pytestmark = [
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="Fuzzing wants many requests at once; the run on PostgreSQL does it.",
    ),
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


@pytest.fixture
def token(settings, transactional_db):
    """That of somebody who may do everything, and whom the examples name."""
    settings.GAMIFICATION = {
        "THROTTLE_RATES": dict.fromkeys(("read", "write", "record"))
    }
    ada = UserFactory(username="ada", is_superuser=True)
    for _ in range(12):
        record_activity(ada, "kpi_completed")
    return Token.objects.create(user=ada).key


def test_no_request_breaks_the_api_or_its_schema(live_server, token, tmp_path):
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", HERE / "schemathesis.toml"),
        *("run", f"{live_server.url}/api/schema/"),
        *("--header", f"Authorization: Token {token}"),
        *("--checks", "all", "--phases", PHASES, "--max-examples", EXAMPLES),
        *("--continue-on-failure", "--no-color"),
        *(("--max-time", SECONDS) if SECONDS else ()),
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks"}

    run = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, env=environment, check=False
    )

    # A table of levels that was saved waits for its job.
    relevel_users()
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
