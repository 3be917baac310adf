"""Statements that are sent prepared, and what happens where they are lost."""

from __future__ import annotations

import logging
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from django.db import (
    IntegrityError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from gamification.conf import Settings
from gamification.models import UserAchievement
from gamification.services import (
    ActivityRecord,
    award_achievement,
    record_activities,
    record_activity,
    set_visibility,
)
from gamification.storage.postgresql import prepared
from gamification.storage.postgresql.prepared import prepared_cursor
from gamification.storage.tables import FILTER_TALLIES, FILTERS, PROFILES
from tests.conditions.worlds import build_filters
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import COMMITTED

pytestmark = [
    COMMITTED,
    pytest.mark.skipif(not IS_POSTGRESQL, reason="Others plan by themselves."),
]

ADD = "SELECT %s::int + 1"


@pytest.fixture(autouse=True)
def fresh_connection(transactional_db, monkeypatch):
    """Begin with a connection that has prepared nothing, and forget the pooler."""
    connection.close()
    monkeypatch.setattr(prepared, "_lossy", set())
    yield
    connection.close()


@pytest.fixture
def driver():
    """The driver's connection."""
    connection.ensure_connection()
    return connection.connection


@pytest.fixture
def session(driver):
    """What the connection has prepared, as the app knows it."""
    return prepared._session_of(driver)


@pytest.fixture
def behind_pooler(session):
    """Let the connection look like one of a pooler."""
    session.is_direct = False


def run(sql=ADD, *params):
    with prepared_cursor(connections["default"]) as cursor:
        cursor.execute(sql, params or (1,))
        return cursor.fetchall()


def plainly(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else None


def statements():
    """Return the texts of all statements that the server has prepared."""
    return [text for (text,) in plainly("SELECT statement FROM pg_prepared_statements")]


def test_the_second_time_a_statement_is_prepared():
    first = run(), statements()
    second = run(), statements()

    assert first == ([(2,)], [])
    assert second == ([(2,)], ["SELECT $1::int + 1"])


def test_a_prepared_statement_takes_other_values():
    assert [run(ADD, number) for number in (1, 2, 3, None)] == [
        [(2,)],
        [(3,)],
        [(4,)],
        [(None,)],
    ]


def test_instants_have_the_zone_of_the_connection(monkeypatch):
    tokyo = ZoneInfo("Asia/Tokyo")
    zones = [run("SELECT to_timestamp(%s)")[0][0].tzinfo for _ in range(3)]
    monkeypatch.setattr(connections["default"], "timezone", tokyo)

    zones += [run("SELECT to_timestamp(%s)")[0][0].tzinfo for _ in range(3)]

    assert zones == [UTC] * 3 + [tokyo] * 3


def test_the_log_has_each_statement_with_its_values():
    with CaptureQueriesContext(connection) as queries:
        run(), run(), run()

    assert [query["sql"] for query in queries] == ["SELECT 1::int + 1"] * 3


def test_execute_wrappers_see_each_statement():
    seen = []

    def watch(execute, sql, params, many, context):
        seen.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        run(), run()

    assert seen == [(ADD, (1,))] * 2


def test_a_tool_that_replaces_cursors_sees_each_statement(monkeypatch):
    seen, default = [], connections["default"]
    cursor = default.cursor
    monkeypatch.setattr(default, "cursor", lambda: seen.append("cursor") or cursor())

    answers = [run(), run()]

    assert (answers, seen) == ([[(2,)]] * 2, ["cursor"] * 2)


def test_a_cursor_has_what_that_of_the_driver_has():
    assert prepared_cursor(connections["default"]).rowcount == -1


def test_an_error_is_that_of_the_statement():
    run("SELECT 1 / %s::int", 1)
    run("SELECT 1 / %s::int", 1)

    with pytest.raises(Exception, match="division by zero"):
        run("SELECT 1 / %s::int", 0)


def test_an_error_at_the_commit_is_that_of_the_statement():
    unique = "UNIQUE DEFERRABLE INITIALLY DEFERRED"
    plainly(f"CREATE TEMPORARY TABLE places (id int {unique})")
    add = "INSERT INTO places VALUES (%s) RETURNING id"
    run(add, 1)
    run(add, 2)

    with pytest.raises(IntegrityError, match="places_id_key"):
        run(add, 1)

    assert plainly("SELECT id FROM places") == [(1,), (2,)]


def test_an_error_of_preparing_is_that_of_the_statement():
    for _ in range(2):
        with pytest.raises(ProgrammingError, match="nowhere"):
            run("SELECT %s::int FROM nowhere", 1)


@pytest.mark.parametrize(
    ("sql", "answer"), [("SELECT %s::int %% 2", 1), ("SELECT %s::int", 3)]
)
def test_a_statement_with_percent_signs_is_sent_as_it_is(sql, answer):
    answers = [run(sql, 3) for _ in range(3)]

    assert answers == [[(answer,)]] * 3
    assert len(statements()) == (1 if "%%" not in sql else 0)


def test_a_wrong_number_of_values_is_an_error():
    run()

    with pytest.raises(ProgrammingError, match="placeholder"):
        run(ADD, 1, 2)


def test_the_statement_longest_unused_gives_way(monkeypatch):
    monkeypatch.setattr(prepared, "MOST", 2)
    for sql in (ADD, "SELECT %s::int + 2", "SELECT %s::int + 3"):
        run(sql), run(sql)

    assert sorted(statements()) == ["SELECT $1::int + 2", "SELECT $1::int + 3"]


def test_within_a_transaction_no_statement_gives_way(monkeypatch):
    monkeypatch.setattr(prepared, "MOST", 1)
    run(), run()

    with transaction.atomic():
        run("SELECT %s::int + 2"), run("SELECT %s::int + 2")

    assert statements() == ["SELECT $1::int + 1"]


def test_within_a_transaction_statements_are_prepared():
    with transaction.atomic():
        plainly("SELECT 1")
        answers = [run(), run(), run()]

    assert answers == [[(2,)]] * 3
    assert statements() == ["SELECT $1::int + 1"]


def test_a_statement_may_begin_a_transaction():
    run(), run()

    with transaction.atomic():
        assert run() == [(2,)]
        assert connection.connection.info.transaction_status.name == "INTRANS"


def test_behind_a_pooler_none_is_prepared_within_a_transaction(behind_pooler):
    run()

    with transaction.atomic():
        plainly("SELECT 1")
        run(), run()

    assert statements() == []


def test_where_the_driver_prepares_none_is_prepared_within_a_transaction(driver):
    driver.prepare_threshold = 1_000
    run()

    with transaction.atomic():
        plainly("SELECT 1")
        run(), run()

    assert statements() == []


def test_in_a_pipeline_of_the_driver_none_is_prepared(driver):
    run()

    with driver.pipeline():
        answer = run()

    assert (answer, statements()) == ([(2,)], [])


def plans():
    """Return how often the server has planned the only statement for its values."""
    [[number]] = plainly("SELECT custom_plans FROM pg_prepared_statements")
    return number


def test_a_statement_is_planned_anew_when_tables_may_have_grown(monkeypatch):
    monkeypatch.setattr(prepared, "_PLANNED_ANEW", {3})
    found = []
    for _ in range(5):
        run()
        found.append(plans() if statements() else None)

    assert found == [None, 1, 2, 3, 1]


def test_a_pooler_keeps_its_plans(monkeypatch, behind_pooler):
    monkeypatch.setattr(prepared, "_PLANNED_ANEW", {3})
    for _ in range(5):
        run()

    assert plans() == 4


def test_a_statement_that_was_dropped_is_prepared_again(caplog):
    run(), run()
    plainly("DEALLOCATE ALL")

    answers = [run(), statements(), run(), run(), statements()]

    prepared_again = ["SELECT $1::int + 1"]
    assert answers == [[(2,)], [], [(2,)], [(2,)], prepared_again]
    assert not caplog.records


def test_behind_a_pooler_that_loses_one_no_more_are_prepared(behind_pooler, caplog):
    run(), run()
    plainly("DEALLOCATE ALL")

    answers = [run(), run(), run()]

    assert answers == [[(2,)]] * 3
    assert statements() == []
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "'default'" in caplog.text


def test_a_pooler_that_loses_statements_is_named_once(behind_pooler, caplog):
    cursor = prepared_cursor(connections["default"])
    for _ in range(2):
        cursor.execute(ADD, (1,)), cursor.execute(ADD, (1,))
        plainly("DEALLOCATE ALL")
        cursor.execute(ADD, (1,))

    assert cursor.fetchall() == [(2,)]
    assert len(caplog.records) == 1


def test_behind_a_pooler_that_shares_them_no_more_are_prepared(session, behind_pooler):
    run(), run()
    session.names.clear()

    answers = [run(), run(), run()]

    assert answers == [[(2,)]] * 3
    assert not session.names
    assert prepared._lossy == {"default"}


def test_a_statement_whose_columns_change_is_sent_as_it_is():
    plainly("CREATE TEMPORARY TABLE places (id int)")
    sql = "SELECT * FROM places WHERE id = %s"
    run(sql), run(sql)
    plainly("ALTER TABLE places ADD name text; INSERT INTO places VALUES (1, 'here')")

    assert [run(sql), run(sql)] == [[(1, "here")]] * 2


@pytest.mark.parametrize("wanted", [True, False])
def test_a_setting_pins_it(monkeypatch, wanted):
    monkeypatch.setattr(Settings, "PREPARED_STATEMENTS", wanted)
    prepared._lossy.add("default")

    run(), run()

    assert len(statements()) == wanted


def test_a_record_prepares_what_it_reads_and_what_it_writes(activity, no_achievements):
    user = UserFactory()
    for _ in range(4):
        record_activity(user, "walk")

    assert [text[:6] for text in sorted(statements())] == ["SELECT", "WITH r"]


def test_a_batch_prepares_nothing(activity, no_achievements):
    users = UserFactory.create_batch(2)
    for _ in range(3):
        record_activities(ActivityRecord(user, "walk") for user in users)

    assert statements() == []


def test_the_server_keeps_its_plan_however_few_filters_are_asked_for(
    user, no_achievements
):
    activities = [ActivityFactory(key=key) for key in ("walk", "run")]
    for days in range(2, 40):
        counted = activities[days > 4]
        counting = {"window": {"days": days}}
        AchievementFactory(
            criterion="activity_count", activity=counted, threshold=9, counting=counting
        )
    build_filters()
    set_visibility(user, is_public=True)
    plainly(f"""INSERT INTO {FILTER_TALLIES} (user_id, filter_id, bucket, count)
        SELECT p.user_id, f.id, DATE '2020-01-01' + day, 0 FROM {PROFILES} p,
        {FILTERS} f, generate_series(1, 100) day""")
    plainly(f"ANALYZE {FILTER_TALLIES}")

    for _ in range(10):
        record_activity(user, "walk")

    # The server plans five calls anew before it may keep a plan.
    plans = plainly("SELECT custom_plans FROM pg_prepared_statements")
    assert plans == [(5,), (5,)]


def test_an_award_is_tried_again_where_its_statements_were_dropped(user, activity):
    """Its transaction has begun when it finds out."""
    for _ in range(3):
        award_achievement(user, AchievementFactory().key)
    plainly("DEALLOCATE ALL")

    award_achievement(user, AchievementFactory().key)

    assert UserAchievement.objects.filter(user=user).count() == 4


def test_what_a_caller_wrote_survives_statements_that_were_dropped(
    user, activity, no_achievements
):
    with transaction.atomic():
        other = UserFactory()
        for _ in range(3):
            record_activity(user, "walk")
        plainly("DEALLOCATE ALL")
        assert record_activity(user, "walk").total_xp == 40
        plainly("DEALLOCATE ALL")
        award_achievement(user, AchievementFactory().key)

    other.refresh_from_db()
