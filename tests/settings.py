"""Settings of the test suite, for the database and the user model of one run.

``TEST_DATABASE`` is ``sqlite`` (the default) or ``postgresql``, which starts a server
of its own unless ``TEST_DATABASE_URL`` names one; ``TEST_USER_MODEL`` may name the
user model of a site that keys its users by UUID.
"""

from __future__ import annotations

import os

import dj_database_url

from example_project.settings import REST_FRAMEWORK as REST_FRAMEWORK
from example_project.settings import SPECTACULAR_SETTINGS as SPECTACULAR_SETTINGS
from tests.folders import temporary_folder
from tests.postgres import start_server

if os.environ.get("TEST_DATABASE") == "postgresql":
    if "TEST_DATABASE_URL" not in os.environ:
        # Workers of pytest-xdist are started later and find the address here.
        os.environ["TEST_DATABASE_URL"] = start_server()
    DATABASES = {"default": dj_database_url.parse(os.environ["TEST_DATABASE_URL"])}
else:
    # A file, because threads and processes share it. Without ``NAME``, a server of the
    # suite that starts before the first test would share a connection in memory.
    FILE = str(temporary_folder("sqlite") / "db.sqlite3")
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FILE,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                # Nothing that a test writes has to survive a crash of the machine.
                "init_command": "PRAGMA synchronous=OFF",
            },
            "TEST": {"NAME": FILE},
        }
    }

SECRET_KEY = "tests-only"
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "example_project.urls"
STATIC_URL = "static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "front"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Django 6.1 has no default mailer; earlier versions ignore this setting.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
AUTH_USER_MODEL = os.environ.get("TEST_USER_MODEL", "auth.User")

INSTALLED_APPS = [
    "example_project.visions",
    "gamification",
    "tests.uuid_users",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
