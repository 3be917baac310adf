"""The package works without what it does not require."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

SETTINGS = """
import sys
for name in {blocked}:
    sys.modules[name] = None

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["testserver"],
    DATABASES={{"default": {{
        "ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"
    }}}},
    INSTALLED_APPS=[
        "gamification", "django.contrib.auth", "django.contrib.contenttypes", *{apps}
    ],
    ROOT_URLCONF="gamification.api.urls",
    SECRET_KEY="tests-only",
    TEMPLATES=[{{
        "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True
    }}],
    USE_TZ=True,
)
django.setup()
"""

ME = """
from django.contrib.auth.models import User
from django.core.management import call_command
from rest_framework.test import APIClient

call_command("migrate", verbosity=0)
call_command("check")
client = APIClient()
client.force_authenticate(User.objects.create(username="ann"))
response = client.get("/v1/me/")
print(response.status_code, response.json()["level"])
"""

IMPORTS = """
import importlib
from pathlib import Path

for path in sorted(Path("gamification").rglob("*.py")):
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    if not name.startswith(("gamification.api", "gamification.migrations")):
        importlib.import_module(name)
print("imported")
"""


def run(code: str, blocked: list[str], apps: list[str]) -> str:
    """Return what ``code`` prints on a site where ``blocked`` is not installed."""
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(  # noqa: S603 - the code is our own
        [sys.executable, "-c", SETTINGS.format(blocked=blocked, apps=apps) + code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip().splitlines()[-1] if not done.returncode else done.stderr


def test_the_api_works_without_drf_spectacular():
    printed = run(ME, ["drf_spectacular"], ["rest_framework"])

    assert printed == "200 1"


def test_all_but_the_api_works_without_the_rest_framework():
    printed = run(
        IMPORTS,
        ["rest_framework", "drf_spectacular"],
        ["django.contrib.admin", "django.contrib.messages"],
    )

    assert printed == "imported"
