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
ann = User.objects.create(username="ann")
record_activity(ann, "kpi_completed")
client = Client(HTTP_HOST="localhost")
client.force_login(ann)
print(client.get("/").content.decode())
"""

#: Stands between what the two print.
TOUR_BEGINS = "--- The tour"

TOUR = """
from django.contrib import admin
from django.urls import reverse
from gamification.api.urls import router
from gamification.models import Achievement, Activity, UserGamification
from gamification.staff import begin_backfill

boss = User.objects.create_superuser("boss")
job = begin_backfill("kpi_10", actor=boss)
client = Client(HTTP_HOST="localhost")
client.force_login(boss)

def visit(address):
    response = client.get(address)
    print(response.status_code, address)
    b"".join(response) if response.streaming else response.content

pages = ["index", "tuning", "recalculate", "activity_export", "activity_import"]
pages += ["achievement_export", "achievement_import", "activity_add", "achievement_add"]
for name in pages[1:]:
    visit(reverse(f"admin:gamification_{name}"))
visit(reverse("admin:app_list", args=["gamification"]))
for model in admin.site._registry:
    if model._meta.app_label == "gamification":
        visit(reverse(f"admin:gamification_{model._meta.model_name}_changelist"))
for row in (Achievement.objects.first(), Activity.objects.first()):
    name = row._meta.model_name
    visit(reverse(f"admin:gamification_{name}_change", args=[row.pk]))
    visit(reverse(f"admin:gamification_{name}_history", args=[row.pk]))
first = Achievement.objects.first()
visit(reverse("admin:gamification_achievement_backfill", args=[first.pk]))
visit(reverse("admin:gamification_job_progress", args=[job.pk]))
visit(reverse("admin:gamification_usergamification_for", args=[boss.pk]))
visit(reverse("admin:auth_user_change", args=[boss.pk]))
for prefix in ["", "achievements/", "leaderboards/", "settings/", "users/ann/"]:
    visit(f"/game/{prefix}")
for path in ["achievements/", "achievements/kpi_10/", "achievements/kpi_10/explain/",
             "leaderboards/week/", "users/ann/", "users/ann/achievements/"]:
    visit(f"/api/gamification/v1/{path}")
for prefix, _, _ in router.registry:
    if prefix.startswith("me") and prefix != "me/repairs":
        visit(f"/api/gamification/v1/{prefix}/")
record = {"user": "boss", "activity": "kpi_completed", "key": "1"}
made = client.post("/api/gamification/v1/records/", record, "application/json")
print(made.status_code, "a record")
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


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the built wheel is unpacked, as pip does."""
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("wheel")
    source, target = folder / "source", folder / "installed"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "gamification", source / "gamification")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "wheels"]
    run(["-m", "pip", "wheel", *options, "."], source)
    [wheel] = (source / "wheels").glob("*.whl")
    ZipFile(wheel).extractall(target)
    return target


@pytest.fixture(scope="module")
def seen(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what a visit and a tour of a new site print; each warning is an error."""
    environment, folder = {"PYTHONPATH": str(installed)}, tmp_path_factory.mktemp("new")
    run(["-m", "django", "startproject", "school", "."], folder, **environment)
    for name, more in (("settings", SETTINGS), ("urls", URLS)):
        path = folder / "school" / f"{name}.py"
        path.write_text(path.read_text() + more)
    (folder / "page.html").write_text(TEMPLATE)
    code = f'{VISIT}\nprint("{TOUR_BEGINS}")\n{TOUR}'
    shell = ["-W", "error", "manage.py", "shell", "-c", code]
    return run(shell, folder, **environment).split(TOUR_BEGINS)


def test_a_new_site_shows_four_pieces(seen):
    html, _ = seen

    assert len(TEMPLATE.splitlines()) <= 8
    assert 'rel="stylesheet" href="/static/gamification/gamification.css">' in html
    assert ">Level 1</h2>" in html
    assert ">1-day streak</h2>" in html
    assert ">First KPI</h3>" in html
    assert '<gamification-celebrations src="/api/gamification/v1/me/' in html
    assert "<strong>First KPI</strong>" in html


def test_every_page_of_a_new_site_opens_without_a_warning(seen):
    _, tour = seen
    visited = [line for line in tour.splitlines() if line[:3].isdigit()]

    assert len(visited) > 40
    assert [line for line in visited if not line.startswith(("200 ", "201 "))] == []


def test_the_wheel_has_all_that_is_not_code(installed):
    assert (
        installed / "gamification" / "fixtures" / "gamification_catalogue.json"
    ).exists()
