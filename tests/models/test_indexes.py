"""Every index is on the page that says why it is there, and what needs one uses it."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from gamification.admin.catalogue.editing import history_of
from gamification.leaderboards.counting import counted_keys
from gamification.leaderboards.upkeep.building import current_periods
from gamification.leaderboards.values import Subject
from gamification.models import (
    ActiveDay,
    ActivityTally,
    BoardScore,
    BoardSegment,
    Celebration,
    FilterTally,
    LedgerEntry,
    StreakFreeze,
    UserAchievement,
    UserGamification,
)
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    record_activities,
    record_activity,
    reverse_entry,
    reverse_source_for_everyone,
)
from gamification.services.balance.boosted_days import has_boosts
from gamification.services.many.undo import entries_of
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import ledger_of

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "storage.md"
MODELS = list(apps.get_app_config("gamification").get_models())
#: The tables that grow as users record.
GROWING = (
    LedgerEntry,
    UserGamification,
    ActivityTally,
    ActiveDay,
    FilterTally,
    UserAchievement,
    Celebration,
    StreakFreeze,
    BoardScore,
    BoardSegment,
)
HISTORY = reverse("admin:gamification_ledgerentry_changelist")

#: Foreign keys without an index: staff seldom delete what they name, and restrict few.
UNINDEXED = {
    "ActivityTally.activity",
    "Celebration.achievement",
    "FilterTally.filter",
    "RepairedDate.streak",
    "Restriction.actor",
    "Restriction.lifted_by",
    "Restriction.user",
    "StreakFreeze.streak",
    "StreakPause.streak",
}


def keys_of(model):
    """Yield the fields and the condition of all that the database indexes."""
    for field in model._meta.concrete_fields:
        if field.db_index or field.unique:
            yield [field.name], None
    for each in (*model._meta.indexes, *model._meta.constraints):
        if hasattr(each, "fields"):
            yield each.fields, each.condition


def is_indexed(field):
    conditions = {None, Q(**{f"{field.name}__isnull": False})}
    return any(
        fields[0] == field.name and condition in conditions
        for fields, condition in keys_of(field.model)
    )


def test_the_page_on_storage_has_all_indexes():
    told = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)

    assert told == [
        each.name
        for model in GROWING
        for each in (*model._meta.indexes, *model._meta.constraints)
        if hasattr(each, "fields")
    ]


def test_a_deletion_finds_what_refers_to_the_row():
    fields = [field for model in MODELS for field in model._meta.fields]
    keys = [field for field in fields if field.is_relation and field.db_constraint]

    missing = {f"{f.model.__name__}.{f.name}" for f in keys if not is_indexed(f)}

    assert missing == UNINDEXED


@pytest.mark.parametrize("model", GROWING)
def test_columns_lie_in_the_order_of_the_model(db, model):
    with connection.cursor() as cursor:
        table = model._meta.db_table
        columns = connection.introspection.get_table_description(cursor, table)

    names = [field.column for field in model._meta.concrete_fields]
    assert [column.name for column in columns] == names


@pytest.fixture
def scene(admin_client, user, staff, no_achievements):
    """Four thousand entries of twenty users, which are gone after the test."""
    ActivityFactory(key="walk", daily_limit=2)
    users = (user, *UserFactory.create_batch(19))
    medal, rare = AchievementFactory(key="medal"), ActivityFactory(key="rare")
    walks = [ActivityRecord(each, "walk", key="a", source="kpi:1") for each in users]
    with transaction.atomic():
        record_activities(walks)
        adjust_xp(user, amount=5, note="A present.", actor=staff)
        award_achievement(user, "medal", actor=staff)
        with connection.cursor() as cursor:
            cursor.execute(more_entries())
            cursor.execute(f"ANALYZE {LedgerEntry._meta.db_table}")
            cursor.execute("SET LOCAL enable_seqscan = off")
        yield SimpleNamespace(
            client=admin_client,
            user=user,
            staff=staff,
            medal=medal,
            rare=rare,
            entry=ledger_of(user)[-1].pk,
        )
        transaction.set_rollback(True)


def more_entries():
    """Return the statement that repeats each record on two hundred days before."""
    columns = {field.column: field.column for field in LedgerEntry._meta.fields[1:]}
    copies = columns | {
        "local_date": "local_date - n",
        "occurred_at": "occurred_at - n * interval '1 day'",
        "key": "key || n",
        "source": "source || n",
    }
    table, into = LedgerEntry._meta.db_table, ", ".join(columns)
    return (
        f"INSERT INTO {table} ({into}) SELECT {', '.join(copies.values())} "
        f"FROM {table}, generate_series(1, 200) n WHERE kind = 'activity'"
    )


def indexes_of(action):
    """Return the indexes by which ``action`` reads the ledger, which it never scans."""
    table, found = LedgerEntry._meta.db_table, set()
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        action()
        transaction.set_rollback(True)
    for sql in [query["sql"] for query in queries if table in query["sql"]]:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert f"Seq Scan on {table}" not in plan
        found |= {*re.findall(r"(?:using|Index Scan on) gamification_(\w+)", plan)}
    return found


def browse(scene, **query):
    return scene.client.get(HISTORY, query)


def today():
    return Subject(next(current_periods(timezone.now())))


#: Readers for whom no other index would do as well in a ledger of few users: a user's
#: own ledger and daily limits are not among them.
READERS = {
    "a date": (
        "entry_by_date",
        lambda s: browse(s, local_date__lte=timezone.localdate() - timedelta(99)),
    ),
    "an activity": (
        "entry_of_activity",
        lambda s: browse(s, activity__id__exact=s.rare.pk),
    ),
    "a kind": ("entry_by_kind", lambda s: browse(s, kind__exact="adjustment")),
    "an achievement": (
        "entry_of_award",
        lambda s: browse(s, achievement__id__exact=s.medal.pk),
    ),
    "an actor": (
        "entry_by_actor",
        lambda s: browse(s, actor_name=s.staff.get_username()),
    ),
    "a source": ("entry_by_source", lambda s: browse(s, q="kpi:150")),
    "a source that is taken back": (
        "entry_by_source",
        lambda s: reverse_source_for_everyone(source="kpi:150", note="A mistake."),
    ),
    "what a job did": ("entry_of_job", lambda s: list(entries_of(1))),
    "a key": (
        "ledgerentry_key",
        lambda s: record_activity(s.user, "walk", key="a", source="kpi:1"),
    ),
    "a reversal": (
        "ledgerentry_reverses",
        lambda s: reverse_entry(s.user, entry_id=s.entry, note="A mistake."),
    ),
    "corrections": (
        "entry_corrects",
        lambda s: reverse_entry(s.user, entry_id=s.entry, note="A mistake."),
    ),
    "a score": (
        "entry_by_moment",
        lambda s: counted_keys(today(), [s.user.pk]),
    ),
    "boosted XP": (
        "entry_boosted",
        lambda s: has_boosts(timezone.localdate(), timezone.localdate()),
    ),
    "whether an activity is used": (
        "entry_of_activity",
        lambda s: history_of([s.rare]),
    ),
    "what a deleted member of staff did": (
        "entry_by_actor",
        lambda s: s.staff.delete(),
    ),
}


@pytest.mark.skipif(not IS_POSTGRESQL, reason="It is about PostgreSQL's plans.")
def test_the_ledger_is_read_by_indexes(scene):
    # One test, because what each leaves on the disk would change the plans of the next.
    used = {
        name: indexes_of(partial(read, scene)) for name, (_, read) in READERS.items()
    }

    expected = {name: index for name, (index, _) in READERS.items()}
    assert {name for name in READERS if expected[name] not in used[name]} == set()
