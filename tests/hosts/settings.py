"""Settings of the site of one user model, which ``TEST_USER_MODEL`` names."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import AUTH_USER_MODEL, DATABASES, INSTALLED_APPS

#: A collation that sorts texts differently from Python, if the server has one.
KEY_COLLATION = "NOCASE"
#: The table of customers, which is in another schema if the database has schemas.
CUSTOMERS = '"people_customer"'
if "postgresql" in DATABASES["default"]["ENGINE"]:
    CUSTOMERS = '"people"."customer"'
    KEY_COLLATION = "C"
    # Sites whose tests run at the same time share the server.
    DATABASES["default"]["TEST"] = {"NAME": f"test_{AUTH_USER_MODEL.lower()}"}

if "sqlite" in DATABASES["default"]["ENGINE"]:
    # The replica is empty: if the app read from it, tests would fail.
    DATABASES["replica"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    DATABASE_ROUTERS = ["tests.hosts.routers.ReplicaRouter"]

#: The model of the users that the tests create.
USERS = AUTH_USER_MODEL

INSTALLED_APPS = [*INSTALLED_APPS, "tests.hosts.people"]
if AUTH_USER_MODEL == "auth.User":
    INSTALLED_APPS += ["tests.hosts.tutors"]
    AUTHENTICATION_BACKENDS = ["tests.hosts.tutors.models.TutorBackend"]
    USERS = "tutors.Tutor"
