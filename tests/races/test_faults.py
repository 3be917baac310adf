from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from itertools import count

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from gamification.exceptions import StorageError, StorageSetupError
from gamification.leaderboards import (
    count_again,
    count_drifts,
    get_leaderboard,
    get_winners,
    rebuild_boards,
    reopen_board,
    tend_boards,
)
from gamification.maintenance import (
    reconcile,
)
from gamification.models import Achievement, LedgerEntry, UserGamification
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    count_secrets,
    explain_achievement,
    get_achievements,
    get_calendar,
    get_ledger,
    get_progress,
    get_rarity,
    pending_celebrations,
    record_activities,
    record_activity,
    reverse_source_for_everyone,
)
from gamification.staff import (
    Act,
    RecalculationScope,
    RewardProposal,
    abandon_job,
    begin_backfill,
    begin_list,
    begin_recalculation,
    begin_take_back,
    begin_undo,
    export_definitions,
    find_job,
    get_balance_report,
    get_reach,
    preview_backfill,
    preview_recalculation,
    preview_seed_removal,
    reach_problem,
    repair_streaks,
    run_next_step,
    simulate_rewards,
    tend_filters,
)
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, UserFactory
from tests.races import (
    COMMITTED,
    ONLY_POSTGRESQL,
    anywhere,
    before_statement,
    elsewhere,
    total_of,
)
from tests.races.proxy import breaking_line

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]

#: Every one of them may be tried again, and adds 10 XP.
VERBS = {
    "record": lambda user, friend: record_activity(user, "walk", key="once"),
    "batch": lambda user, friend: record_activities(
        ActivityRecord(who, "walk", key="once") for who in (user, friend)
    ),
    "adjust": lambda user, friend: adjust_xp(user, amount=10, note="gift", key="once"),
    "award": lambda user, friend: award_achievement(user, "medal"),
}

TODAY = date(2026, 6, 10)
SCOPE = RecalculationScope(["walk"], TODAY, TODAY)

TIMEOUTS = ["statement_timeout", "lock_timeout"] if IS_POSTGRESQL else ["timeout"]

all_verbs = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)


def reconnect():
    """Drop the connection, as Django does between requests where it is broken."""
    connection.errors_occurred = True
    connection.close_if_unusable_or_obsolete()


def terminate(pid):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@pytest.fixture
def friend(db):
    return UserFactory()


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal", xp_reward=10)


@ONLY_POSTGRESQL
@all_verbs
def test_a_backend_terminated_before_any_statement_leaves_nothing(verb, medal):
    for number in count(1):
        user, friend = UserFactory.create_batch(2)
        pid = connection.connection.info.backend_pid

        intruder = before_statement(number, partial(terminate, pid), if_=anywhere)
        with intruder as undone:
            try:
                verb(user, friend)
            except StorageError:
                reconnect()
                assert not LedgerEntry.objects.filter(user=user).exists()
        if undone:
            break
        verb(user, friend)

        assert total_of(user) == 10
    assert number > 2


@ONLY_POSTGRESQL
@pytest.mark.parametrize("is_sent", [False, True], ids=["not sent", "sent"])
def test_a_write_without_an_answer_is_repeated_with_its_key(user, is_sent):
    record = partial(record_activity, user, "walk", key="once")
    record_activity(user, "walk")

    with breaking_line(b"INSERT INTO gamification_ledgerentry", is_sent=is_sent):
        with pytest.raises(StorageError):
            record()
        outcome = record()

    assert outcome.replayed == is_sent
    assert total_of(user) == 20


@ONLY_POSTGRESQL
@pytest.mark.parametrize("is_sent", [False, True], ids=["not sent", "sent"])
def test_a_commit_without_an_answer_is_repeated_with_its_key(user, is_sent):
    batch = [ActivityRecord(who, "walk", key="once") for who in (user, UserFactory())]

    with breaking_line(b"COMMIT\0", is_sent=is_sent):
        with pytest.raises(StorageError):
            record_activities(batch)
        report = record_activities(batch)

    assert report.replayed == 2 * is_sent
    assert total_of(user) == 10


@ONLY_POSTGRESQL
@all_verbs
def test_a_retry_right_after_a_lost_connection_connects_again(
    verb, user, friend, medal
):
    elsewhere(partial(terminate, connection.connection.info.backend_pid))

    with pytest.raises(StorageError):
        verb(user, friend)
    verb(user, friend)

    assert total_of(user) == 10


@pytest.fixture
def read_only(set_options):
    """New connections that may not write."""
    if IS_POSTGRESQL:
        set_options(options="-c default_transaction_read_only=on")
    else:
        set_options(init_command="PRAGMA query_only=ON")


@all_verbs
def test_a_read_only_database_is_a_storage_error(verb, user, friend, medal, read_only):
    with pytest.raises(StorageError):
        elsewhere(partial(verb, user, friend))

    assert LedgerEntry.objects.count() == 0


@pytest.fixture(params=TIMEOUTS)
def impatient(request, set_options):
    """New connections that hardly wait for others."""
    if IS_POSTGRESQL:
        set_options(options=f"-c {request.param}=100")
    else:
        set_options(timeout=0.1)


@all_verbs
def test_a_lock_that_takes_too_long_is_a_storage_error(
    verb, user, friend, medal, impatient
):
    record_activity(user, "walk")

    with transaction.atomic():
        UserGamification.objects.filter(user=user).update(is_public=False)
        with pytest.raises(StorageError):
            elsewhere(partial(verb, user, friend))

    assert total_of(user) == 10


@pytest.mark.skipif(IS_POSTGRESQL, reason="PostgreSQL has no limit to set.")
def test_a_full_disk_is_a_storage_error(user, set_options):
    with connection.cursor() as cursor:
        # Otherwise there may be room where rows of other tests were.
        cursor.execute("VACUUM")
    set_options(init_command="PRAGMA max_page_count=1")
    batch = [ActivityRecord(user, "walk", source="x" * 255)] * 500

    with pytest.raises(StorageError):
        elsewhere(partial(record_activities, batch))

    assert LedgerEntry.objects.count() == 0


@pytest.fixture
def no_database(activity, no_achievements, user, friend, medal, tmp_path):
    """A connection that cannot be made."""
    connection.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", str(tmp_path))
        if not IS_POSTGRESQL:
            patch.setitem(connection.settings_dict, "NAME", str(tmp_path / "no" / "db"))
        yield


@all_verbs
@pytest.mark.usefixtures("no_database")
def test_a_database_that_is_gone_is_a_storage_error(verb, user, friend):
    with pytest.raises(StorageError):
        verb(user, friend)


@pytest.mark.parametrize(
    "verb",
    [lambda: [*reconcile()], lambda: reverse_source_for_everyone(source="shop:1")],
    ids=["reconcile", "reverse"],
)
@pytest.mark.usefixtures("no_database")
def test_a_database_that_is_gone_before_users_are_known_is_a_storage_error(verb):
    with pytest.raises(StorageError):
        verb()


COLLECTOR = Achievement(criterion="achievements")

READS = {
    "progress": get_progress,
    "achievements": get_achievements,
    "secrets": count_secrets,
    "explanation": lambda user: explain_achievement(user, "medal"),
    "calendar": lambda user: get_calendar(user, since=TODAY, until=TODAY),
    "ledger": get_ledger,
    "celebrations": pending_celebrations,
    "rarity": lambda user: get_rarity(),
    "report": lambda user: get_balance_report(),
    "simulation": lambda user: simulate_rewards(RewardProposal({}, {"medal": 5})),
    "backfill": lambda user: preview_backfill("medal"),
    "begun backfill": lambda user: begin_backfill("medal", actor=user),
    "recalculation": lambda user: preview_recalculation(SCOPE),
    "begun recalculation": lambda user: begin_recalculation(SCOPE, actor=user),
    "step": lambda user: run_next_step(7, actor=user),
    "job": lambda user: find_job(7),
    "export": lambda user: export_definitions(),
    "reach": lambda user: get_reach(["medal"]),
    "problem": lambda user: reach_problem(COLLECTOR),
    "examples": lambda user: preview_seed_removal(),
    "leaderboard": lambda user: get_leaderboard("week", viewer=user),
    "winners": lambda user: get_winners("week"),
    "tick": lambda user: tend_boards(),
    "rebuild": lambda user: rebuild_boards(),
    "reopen": lambda user: reopen_board("day", "2026-06-10", actor=user),
    "check": lambda user: count_drifts(),
    "count again": count_again,
}

all_reads = pytest.mark.parametrize("read", READS.values(), ids=READS)


@pytest.fixture
def nothing_kept():
    """Nothing that another test had worked out."""
    cache.clear()


@all_reads
@pytest.mark.usefixtures("no_database", "nothing_kept")
def test_a_read_from_a_database_that_is_gone_is_a_storage_error(read, user):
    with pytest.raises(StorageError):
        read(user)


@all_reads
@pytest.mark.usefixtures("nothing_kept")
def test_a_read_from_a_missing_table_says_what_to_do(read, user, medal):
    def lose(execute, sql, params, many, context):
        return execute(sql.replace("gamification_", "lost_"), params, many, context)

    with (
        connection.execute_wrapper(lose),
        pytest.raises(StorageSetupError, match="A table is missing"),
    ):
        read(user)


def fail():
    raise OperationalError("The server is gone.")


GIFT = Act(kind="adjustment", amount=1, note="gift")
WALKS = Act(kind="reversal", activity="walk", since=TODAY, until=TODAY)
ON_MANY = {
    "begin_list": lambda user, job: begin_list(GIFT, [user], actor=None),
    "begin_take_back": lambda user, job: begin_take_back(WALKS, actor=None),
    "begin_undo": lambda user, job: begin_undo(job.pk, actor=None),
    "repair": lambda user, job: repair_streaks([yesterday()], actor=None, note="Down."),
    "tend_filters": lambda user, job: tend_filters(),
}


def yesterday():
    return timezone.localdate() - timedelta(days=1)


@pytest.mark.parametrize("verb", ON_MANY.values(), ids=ON_MANY)
def test_work_on_many_names_what_fails_in_any_statement(verb, user):
    record_activity(user, "walk")
    job = abandon_job(begin_list(GIFT, [user], actor=None).pk, actor=None)

    for number in count(1):
        intruder = before_statement(number, fail, if_=anywhere)
        with intruder as undone, suppress(StorageError):
            verb(user, job)

        if undone:
            break
    assert number > 1
