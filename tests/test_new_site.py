"""A new site, from the built wheel: what the documentation says is enough."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "docs" / "howto" / "pages.md").read_text()

#: What the page of the new site says in its template.
TEMPLATE = re.search(r"```html\n(.*?)```", PAGES, re.DOTALL)[1].replace("   ", "")

SETTINGS = """
INSTALLED_APPS += ["gamification"]
TEMPLATES[0]["DIRS"] = [BASE_DIR]
"""

URLS = """
from django.shortcuts import render
from django.urls import include

urlpatterns += [
    path("", lambda request: render(request, "page.html")),
    path("game/", include("gamification.urls")),
    path("api/gamification/", include("gamification.api.urls")),
]
"""

VISIT = """
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from gamification.services import record_activity

call_command("migrate", verbosity=0)
call_command("check", fail_level="WARNING")
user = User.objects.create(username="ann")
record_activity(user, "kpi_completed")
client = Client(HTTP_HOST="localhost")
client.force_login(user)
print(client.get("/").content.decode())
"""


def run(arguments: list[str], folder: Path, **environment: str) -> str:
    # Those of the suite are not those of the new site.
    others = {**os.environ}
    others.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(  # noqa: S603 - the arguments are our own
        [sys.executable, *arguments],
        cwd=folder,
        env=others | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a folder in which the built wheel is unpacked, as pip does."""
    pytest.importorskip("setuptools", minversion="77")
    source, target = tmp_path / "source", tmp_path / "installed"
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        (source / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "gamification", source / "gamification")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "wheels"]
    run(["-m", "pip", "wheel", *options, "."], source)
    [wheel] = (source / "wheels").glob("*.whl")
    ZipFile(wheel).extractall(target)
    return target


def test_a_new_site_shows_four_pieces(installed: Path, tmp_path: Path):
    site = tmp_path / "site"
    site.mkdir()
    environment = {"PYTHONPATH": str(installed)}
    run(["-m", "django", "startproject", "school", "."], site, **environment)
    for name, more in (("settings", SETTINGS), ("urls", URLS)):
        path = site / "school" / f"{name}.py"
        path.write_text(path.read_text() + more)
    (site / "page.html").write_text(TEMPLATE)

    html = run(["manage.py", "shell", "-c", VISIT], site, **environment)

    assert len(TEMPLATE.splitlines()) <= 8
    assert 'rel="stylesheet" href="/static/gamification/gamification.css">' in html
    assert ">Level 1</h2>" in html
    assert ">1-day streak</h2>" in html
    assert ">First KPI</h3>" in html
    assert '<gamification-celebrations src="/api/gamification/v1/me/' in html
    assert "<strong>First KPI</strong>" in html
