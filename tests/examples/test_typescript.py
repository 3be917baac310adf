"""The client in TypeScript compiles against the types of the schema, and plays."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NPM = shutil.which("npm")

pytestmark = [
    pytest.mark.skipif(not NPM, reason="Node.js is not installed: no npm was found."),
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


def npm(folder, *arguments):
    return subprocess.run(  # noqa: S603
        [NPM, *arguments], cwd=folder, capture_output=True, text=True, timeout=180
    )


@pytest.fixture
def project(tmp_path):
    """The example with its packages installed, beside the schema."""
    folder = tmp_path / "examples" / "typescript"
    shutil.copytree(
        ROOT / "examples" / "typescript",
        folder,
        ignore=shutil.ignore_patterns("node_modules", "build", "api.d.ts"),
    )
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "openapi.yaml", tmp_path / "docs")
    installed = npm(folder, "install", "--no-audit", "--no-fund")
    if installed.returncode:
        pytest.skip(f"npm cannot install packages here: {installed.stderr[-500:]}")
    return folder


def test_a_client_made_from_the_schema_compiles_and_plays(
    project, live_server, player, service, token_of
):
    built = npm(project, "run", "build")
    assert built.returncode == 0, built.stdout

    run = npm(
        project,
        *("run", "--silent", "play", "--", live_server.url),
        *(token_of(service), token_of(player)),
    )

    record, *celebrations, last = run.stdout.splitlines()
    assert (record, run.stderr) == ("kpi_completed: 10 XP", "")
    assert "First KPI: You unlocked “First KPI” and earned 20 XP." in celebrations
    assert last.startswith("ada has ")
