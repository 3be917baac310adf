from __future__ import annotations

from functools import partial

import pytest
from django.db import connection

from gamification.models import LedgerEntry
from tests.api.assertions import assert_problem
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory, UserFactory
from tests.races import COMMITTED, ONLY_POSTGRESQL, at_once, keys_of, total_of
from tests.races.proxy import breaking_line

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]

#: What may be sent again, with the permission for it. Each adds 10 XP.
REQUESTS = {
    "record": (
        "record_activity",
        lambda user: ("records/", {"user": user.username, "activity": "walk"}),
    ),
    "batch": (
        "record_activity",
        lambda user: ("records/", [{"user": user.username, "activity": "walk"}]),
    ),
    "adjustment": (
        "adjust_xp",
        lambda user: (
            f"users/{user.username}/adjustments/",
            {"amount": 10, "note": "A gift."},
        ),
    ),
}


@pytest.fixture(params=REQUESTS.values(), ids=REQUESTS)
def send(request, user):
    """Return a function that sends a request, always with the same key."""
    permission, make = request.param
    address, body = make(user)
    sender = UserFactory()

    def send():
        client = client_of(sender, permission)
        headers = {"Idempotency-Key": "once"}
        return client.post(f"{API}{address}", body, headers=headers)

    return send


def outcome_in(response):
    """Return the outcome of a request, and whether the answer calls it a replay."""
    answer = response.json()
    if "results" in answer:
        [result] = answer["results"]
        answer = result["outcome"]
    is_replay = response.headers.get("Idempotent-Replayed") == "true"
    assert answer.pop("replayed") == is_replay
    return answer, is_replay


def test_one_request_sixteen_times_at_once_is_done_once(send, user):
    AchievementFactory(criterion="total_xp", threshold=10, xp_reward=0)

    answers = [outcome_in(response) for response in at_once([send] * 16)]

    first, *others = (outcome for outcome, _ in answers)
    assert others == [first] * 15
    assert sorted(is_replay for _, is_replay in answers) == [False] + [True] * 15
    assert len(first["celebrations"]) == 1
    assert total_of(user) == 10


def test_requests_with_keys_of_their_own_all_count(user):
    sender, keys = UserFactory(), [f"{number:02}" for number in range(16)]

    def record(key):
        client = client_of(sender, "record_activity")
        body = {"user": user.username, "activity": "walk", "key": key}
        return client.post(f"{API}records/", body)

    at_once([partial(record, key) for key in keys])

    assert keys_of(user) == keys


def test_an_award_sixteen_times_at_once_is_given_once(user):
    AchievementFactory(key="medal", xp_reward=50)
    sender, body = UserFactory(), {"achievement": "medal", "note": "For all."}
    address = f"{API}users/{user.username}/achievements/"

    def award():
        return client_of(sender, "award_achievement").post(address, body)

    statuses = [response.status_code for response in at_once([award] * 16)]

    assert sorted(statuses) == [200] * 15 + [201]
    assert total_of(user) == 50


@ONLY_POSTGRESQL
@pytest.mark.parametrize("is_sent", [False, True], ids=["not sent", "sent"])
def test_a_request_without_an_answer_is_sent_again(send, user, is_sent):
    with breaking_line(b"INSERT INTO gamification_ledgerentry", is_sent=is_sent):
        lost = send()
        connection.close()
        again = send()

    assert_problem(lost, 503, "storage_error")
    _, is_replay = outcome_in(again)
    assert lost["Retry-After"] == "1"
    assert is_replay == is_sent
    assert LedgerEntry.objects.get(user=user).amount == total_of(user) == 10
