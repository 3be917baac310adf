"""Settings of the example site: SQLite, or whatever ``DATABASE_URL`` names."""

from __future__ import annotations

from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent

# The example serves one machine. A real site keeps its key out of its code.
SECRET_KEY = "example-project-only"  # noqa: S105
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]

INSTALLED_APPS = [
    # Its templates come before those of the app: it has a frame of its own.
    "example_project.visions",
    "gamification",
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
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"

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

DATABASES = {
    "default": dj_database_url.config(default=f"sqlite:///{BASE_DIR}/demo.sqlite3")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Writers queue up instead of failing when a read turns into a write.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "front"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # Other services and apps send a token, browsers have their session.
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}

API_DESCRIPTION = """\
XP, levels, streaks and achievements.

**Sign in** with a token in the header `Authorization: Token …`, as apps and services
do, or with the cookie of the site's own login. With the cookie, every POST, PUT, PATCH
and DELETE also needs the header `X-CSRFToken`, with the value of the cookie
`csrftoken`. If you are not signed in, the status is 401; if you lack a permission, it
is 403.

**Page** by following `next` until it is null. Most lists have pages by number (`page`,
`page_size`) and a `count`; the ledger and the celebrations, which grow while they are
read, continue from a `cursor`. A page has at most 100 results.

**Poll** by sending the `ETag` of the last response as `If-None-Match`: as long as
nothing is new, the response is 304 without a body. `me/`, `me/boosts/`, `me/streaks/`,
`me/celebrations/`, `me/calendar/` and the leaderboards have one.

**Retry** after 429, after 503, and if there is no response; wait for as many seconds as
`Retry-After` says. Where a request can have an `Idempotency-Key`, send one, created
once for each event: a repetition gets the first outcome and
`Idempotent-Replayed: true`. Repeating any other request changes nothing more.

**Errors** are `application/problem+json` (RFC 9457). Decide by `code`, which is stable;
the words are for people, and may change. 400 means that the request is malformed
(`errors` has a JSON pointer to each part that is wrong), 422 that a rule refuses it,
409 that the present state does not allow it, 404 that there is nothing at the address,
or nothing for you. In the response to a list of records, each has its own `status` and
`problem`.
"""

SPECTACULAR_SETTINGS = {
    "TITLE": "Gamification",
    "DESCRIPTION": API_DESCRIPTION,
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # The values are words already.
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "CelebrationKind": "gamification.services.CelebrationKind.values",
        "EntryKind": "gamification.services.EntryKind.values",
        "WithheldReason": "gamification.services.WithheldReason.values",
    },
}
