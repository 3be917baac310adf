from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework.test import APIClient

from gamification.exceptions import GamificationError, UnknownUserError
from gamification.leaderboards import tend_boards
from gamification.models import Job, RepairedDate
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    record_activities,
    record_activity,
    reverse_source,
    revoke_achievement,
)
from gamification.staff import (
    Act,
    begin_list,
    begin_repairs,
    begin_undo,
    repair_streaks,
    run_next_step,
)
from tests.api.clients import API
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, UserFactory
from tests.races import (
    COMMITTED,
    ONLY_POSTGRESQL,
    anywhere,
    at_once,
    before_next_lock,
    before_next_write,
    before_statement,
    total_of,
)

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]

#: How many users are deleted; the portable store is slow.
USERS = 5 if IS_POSTGRESQL else 1


def delete(user_id):
    """Delete the user, as the site's own code does it: once."""
    get_user_model().objects.get(pk=user_id).delete()


def what_is_left(user_id):
    """Return the models that have a row of the user, once boards have been tended."""
    tend_boards()
    return [
        model
        for model in apps.get_app_config("gamification").get_models()
        if any(field.name == "user" for field in model._meta.fields)
        and model._default_manager.filter(user_id=user_id).exists()
    ]


def record(user_id):
    """Record a few times; return the errors."""
    errors = []
    for _ in range(10):
        try:
            record_activity(user_id, "walk")
        except GamificationError as error:
            errors.append(error)
    return errors


def record_batches(user_id):
    """Record a few batches; return the errors."""
    errors, batch = [], [ActivityRecord(user_id, "walk")] * 2
    for _ in range(10):
        record_activities(batch, refused=lambda _, error: errors.append(error))
    return errors


@pytest.mark.parametrize("work", [record, record_batches])
@pytest.mark.parametrize("known", [False, True], ids=["newcomer", "known"])
def test_a_user_deleted_among_records_leaves_nothing(work, known):
    for user in UserFactory.create_batch(USERS):
        if known:
            record_activity(user, "walk")

        _, *errors = at_once([partial(delete, user.pk), *[partial(work, user.pk)] * 4])

        assert {type(error) for each in errors for error in each} <= {UnknownUserError}
        assert what_is_left(user.pk) == []


@ONLY_POSTGRESQL
@pytest.mark.parametrize("records", [0, 1], ids=["newcomer", "known"])
def test_a_user_deleted_between_read_and_write_is_unknown(user, records):
    user_id = user.pk
    for _ in range(records):
        record_activity(user, "walk")

    with before_next_write(lambda: delete(user_id)), pytest.raises(UnknownUserError):
        record_activity(user_id, "walk")

    assert what_is_left(user_id) == []


@ONLY_POSTGRESQL
def test_a_user_deleted_in_the_middle_of_a_batch_is_refused_alone(user):
    gone, refused = UserFactory().pk, []
    records = [ActivityRecord(user, "walk"), ActivityRecord(gone, "walk")]

    with before_next_write(lambda: delete(gone)):
        report = record_activities(
            records, refused=lambda position, error: refused.append((position, error))
        )

    [(position, error)] = refused
    assert report.recorded == 1
    assert (position, type(error)) == (1, UnknownUserError)


@ONLY_POSTGRESQL
def test_a_user_deleted_before_a_batch_is_written_fails_a_strict_one(user):
    gone = UserFactory().pk
    records = [ActivityRecord(user, "walk"), ActivityRecord(gone, "walk")]

    with before_next_write(lambda: delete(gone)), pytest.raises(UnknownUserError):
        record_activities(records)

    assert what_is_left(user.pk) == []


VERBS = {
    "record": lambda user_id: record_activity(user_id, "walk"),
    "replay": lambda user_id: record_activity(user_id, "walk", key="used"),
    "award": lambda user_id: award_achievement(user_id, "other medal"),
    "revoke": lambda user_id: revoke_achievement(user_id, "medal"),
    "adjust": lambda user_id: adjust_xp(user_id, amount=1, note="a gift"),
    "reverse": lambda user_id: reverse_source(user_id, source="shop:1"),
}


@ONLY_POSTGRESQL
@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_a_user_may_go_before_any_statement(verb):
    AchievementFactory(key="medal")
    AchievementFactory(key="other medal")
    for number in count(1):
        user = UserFactory()
        award_achievement(user, "medal")
        record_activity(user, "walk", key="used")
        record_activity(user, "walk", source="shop:1")

        intruder = before_statement(number, partial(delete, user.pk))
        with intruder as undone, suppress(UnknownUserError):
            verb(user.pk)

        if undone:
            break
        assert what_is_left(user.pk) == []
    assert number > 1


@ONLY_POSTGRESQL
def test_a_newcomer_may_go_before_any_statement_of_their_choices():
    client = APIClient()
    for number in count(1):
        user = UserFactory()
        client.force_authenticate(user)

        with before_statement(number, partial(delete, user.pk), if_=anywhere) as undone:
            choices = {"time_zone": "Asia/Tokyo", "is_public": False}
            answer = client.patch(f"{API}me/", choices, format="json")

        if undone:
            break
        assert answer.status_code in {200, 422}
        assert what_is_left(user.pk) == []
    assert number > 1


def missed(day, *users):
    """Let users be active the day before and after; return the date."""
    for user in users:
        for days in (-1, 1):
            at = day + timedelta(days=days)
            record_activity(user, "walk", occurred_at=at, historical=True)
    return day.date()


def finished(job):
    """Run a job to its end; return it."""
    while job.finished_at is None:
        job = run_next_step(job.pk, actor=None)
    return job


@ONLY_POSTGRESQL
def test_a_user_may_go_before_a_repair_for_everybody(user):
    gone = UserFactory()
    day = missed(timezone.now() - timedelta(days=2), user, gone)

    with before_next_lock(partial(delete, gone.pk)):
        report = repair_streaks([day], actor=None, note="Down.")

    assert report.users == 1
    assert [row.user for row in RepairedDate.objects.all()] == [user]


@ONLY_POSTGRESQL
def test_a_user_may_go_before_repairs_are_taken_back(user):
    gone = UserFactory()
    day = missed(timezone.now() - timedelta(days=2), user, gone)
    job = finished(begin_repairs([day], actor=None, note="Down."))
    undo = begin_undo(job.pk, actor=None)

    with before_next_lock(partial(delete, gone.pk)):
        undo = run_next_step(undo.pk, actor=None)

    assert (undo.error, undo.done, undo.fraction) == ("", 1, 1)
    assert not RepairedDate.objects.exists()


@ONLY_POSTGRESQL
def test_a_user_may_go_before_a_job_is_taken_back(user):
    gone, gift = UserFactory(), Act(kind="adjustment", amount=10, note="A gift.")
    job = finished(begin_list(gift, [user, gone], actor=None))
    undo = begin_undo(job.pk, actor=None)

    with before_next_lock(partial(delete, gone.pk)):
        undo = run_next_step(undo.pk, actor=None)

    assert (undo.error, undo.xp, undo.fraction) == ("", -10, 1)
    assert total_of(user) == 0


def test_a_job_for_a_list_does_not_begin_once_one_of_its_users_is_gone(user):
    gone, gift = UserFactory().pk, Act(kind="adjustment", amount=10, note="A gift.")
    delete(gone)

    with pytest.raises(UnknownUserError, match=str(gone)):
        begin_list(gift, [user, gone], actor=None)

    assert not Job.objects.exists()
