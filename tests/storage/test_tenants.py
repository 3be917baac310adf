"""Tenants with schemas of their own, on one connection."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection

from gamification.models import Activity
from gamification.services import get_progress, get_rarity, record_activity
from tests.conftest import IS_POSTGRESQL
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.skipif(not IS_POSTGRESQL, reason="Others have no schemas."),
    pytest.mark.django_db,
]

SCHEMAS = ("red", "blue")


@pytest.fixture(autouse=True)
def tenants():
    """Two schemas with tables and a catalogue; they go with the transaction."""
    users = get_user_model()._meta.db_table
    tables = connection.introspection.table_names()
    own = [name for name in tables if name.startswith(("gamification_", users))]
    with connection.cursor() as cursor:
        for schema in SCHEMAS:
            cursor.execute(f"CREATE SCHEMA {schema}")
            for name in own:
                copy = f"CREATE TABLE {schema}.{name} (LIKE {name} INCLUDING ALL)"
                cursor.execute(copy)
            for name in ("activity", "achievement"):
                table = f"gamification_{name}"
                cursor.execute(f"INSERT INTO {schema}.{table} TABLE public.{table}")
    cache.clear()
    yield
    visit("public")
    cache.clear()


def visit(schema: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL search_path TO {schema}, public")


def test_tenants_have_users_and_catalogues_of_their_own():
    totals = {}
    for number, schema in enumerate(SCHEMAS, start=1):
        visit(schema)
        Activity.objects.filter(key="kpi_completed").update(xp_reward=100 * number)
        UserFactory(id=7, username="ann")

    for schema in SCHEMAS * 2:
        visit(schema)
        record_activity(7, "kpi_completed")
        totals[schema] = get_progress(7).level.total_xp

    # The first also earns 20 XP for the first KPI.
    assert totals == {"red": 220, "blue": 420}


def test_tenants_share_no_numbers_of_holders():
    visit("red")
    record_activity(UserFactory(), "kpi_completed")
    red = get_rarity()
    visit("blue")

    blue = get_rarity()

    assert (red.denominator, blue.denominator) == (1, 0)
    visit("red")
    assert get_rarity() == red
