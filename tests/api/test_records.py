from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification.api.user_lookup import public_name
from gamification.models import Celebration, LedgerEntry
from gamification.services import reverse_entry
from gamification.staff import entry_fingerprint, exclude_user
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import everything, ledger_of, profile_of

RECORDS = f"{API}records/"
JSON = "application/json"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]


@pytest.fixture
def service(db):
    """A client that may record for users."""
    return client_of(UserFactory(), "record_activity")


@pytest.fixture
def walk(user):
    """A record of ``user``."""
    return {"user": user.username, "activity": "walk"}


def keyed(key):
    return {"Idempotency-Key": key}


def test_a_record_answers_with_all_that_it_changed(service, user, walk):
    record = {
        **walk,
        "occurred_at": "2026-03-02T01:30:00+02:00",
        "quantity": 3,
        "key": "walk-1",
        "source": "watch:7",
    }

    response = service.post(RECORDS, record)

    [entry] = ledger_of(user)
    assert response.status_code == 201
    assert response.json() == {
        "entry": {
            "id": entry.pk,
            "kind": "activity",
            "amount": 30,
            "base": 30,
            "factor": "1.00",
            "boosts": [],
            "activity": "walk",
            "quantity": 3,
            "rewarded": 3,
            "occurred_at": "2026-03-01T23:30:00Z",
            "local_date": "2026-03-01",
            "recorded_at": "2026-03-02T12:00:00Z",
            "key": "walk-1",
            "source": "watch:7",
            "attributes": None,
            "fingerprint": entry_fingerprint(entry),
        },
        "credited": 30,
        "withheld": None,
        "total_xp": 30,
        "level_before": 1,
        "level": 1,
        "current_streak": 1,
        "longest_streak": 1,
        "unlocks": [],
        "celebrations": [],
        "replayed": False,
        "reversed_at": None,
        "corrections": [],
        "lost": [],
    }


def test_a_record_of_one_thing_now_needs_no_more_than_two_names(service, user, walk):
    outcome = service.post(RECORDS, walk).json()

    entry = outcome["entry"]
    assert (entry["occurred_at"], entry["quantity"]) == ("2026-03-02T12:00:00Z", 1)
    assert (entry["key"], entry["source"]) == (None, "")


def test_an_outcome_lists_unlocks_and_celebrations(service, user, walk):
    AchievementFactory(
        key="first", name="First", icon="👣", criterion="active_days", xp_reward=40
    )

    outcome = service.post(RECORDS, walk).json()

    unlock, level = Celebration.objects.order_by("id")
    assert outcome["unlocks"] == [
        {"achievement": "first", "name": "First", "icon": "👣", "xp": 40, "number": 1}
    ]
    assert outcome["celebrations"] == [
        {
            "id": unlock.pk,
            "kind": "achievement",
            "data": {
                "achievement": "first",
                "name": "First",
                "icon": "👣",
                "xp": 40,
            },
        },
        {
            "id": level.pk,
            "kind": "level",
            "data": {"from": 1, "to": 2, "levels": [2]},
        },
    ]
    assert (outcome["credited"], outcome["total_xp"], outcome["level"]) == (10, 50, 2)


def test_an_outcome_says_how_much_was_withheld(service, user):
    ActivityFactory(key="swim", daily_limit=2)

    record = {"user": user.username, "activity": "swim", "quantity": 5}
    outcome = service.post(RECORDS, record).json()

    assert (outcome["credited"], outcome["entry"]["rewarded"]) == (20, 2)
    assert outcome["withheld"] == {
        "xp": 30,
        "quantity": 3,
        "reason": "daily_limit",
        "earnable_at": "2026-03-03T00:00:00Z",
    }


@pytest.mark.parametrize("way", ["header", "body", "both"])
def test_the_same_again_is_answered_with_the_first_outcome(service, user, walk, way):
    body = walk if way == "header" else {**walk, "key": "a"}
    headers = {} if way == "body" else keyed("a")

    first = service.post(RECORDS, body, headers=headers)
    again = service.post(RECORDS, body, headers=headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == {**first.json(), "replayed": True}
    assert [entry.key for entry in ledger_of(user)] == ["a"]


def test_a_key_in_the_header_and_in_the_body_is_the_same_key(service, walk):
    service.post(RECORDS, walk, headers=keyed("a"))

    again = service.post(RECORDS, {**walk, "key": "a"})

    assert again.status_code == 200


def test_a_replay_has_the_first_outcome_whatever_came_after(service, walk):
    AchievementFactory(criterion="active_days", xp_reward=40)
    first = service.post(RECORDS, {**walk, "key": "a"}).json()
    service.post(RECORDS, walk)

    again = service.post(RECORDS, {**walk, "key": "a"}).json()

    assert again == {**first, "replayed": True}
    assert len(again["celebrations"]) == 2


def test_a_replay_of_a_reversed_record_says_when_it_was_reversed(
    service, user, walk, server_clock
):
    first = service.post(RECORDS, {**walk, "key": "a"}).json()
    server_clock.shift(timedelta(hours=1))
    reverse_entry(user, entry_id=first["entry"]["id"])

    again = service.post(RECORDS, {**walk, "key": "a"})

    reversed_at = {"replayed": True, "reversed_at": "2026-03-02T13:00:00Z"}
    assert (again.status_code, again.json()) == (200, {**first, **reversed_at})
    assert profile_of(user).total_xp == 0


def test_a_replay_may_come_when_new_records_would_be_too_old(
    service, walk, server_clock
):
    record = {**walk, "key": "a", "occurred_at": "2026-03-02T11:00:00Z"}
    first = service.post(RECORDS, record).json()
    server_clock.shift(timedelta(days=30))

    again = service.post(RECORDS, record)

    assert (again.status_code, again.json()) == (200, {**first, "replayed": True})


def test_a_replay_may_come_after_the_clock_went_back(service, walk, server_clock):
    record = {**walk, "key": "a", "occurred_at": "2026-03-02T12:00:00Z"}
    first = service.post(RECORDS, record).json()
    server_clock.shift(timedelta(hours=-1))

    again = service.post(RECORDS, record)

    assert (again.status_code, again.json()) == (200, {**first, "replayed": True})


@pytest.mark.parametrize(
    "change",
    [{"quantity": 2}, {"source": "x"}, {"occurred_at": "2026-03-02T11:00:00Z"}],
    ids=str,
)
def test_a_key_for_another_request_is_a_conflict(service, walk, change):
    service.post(RECORDS, {**walk, "key": "a"})
    before = everything()

    response = service.post(RECORDS, {**walk, "key": "a", **change})

    assert assert_problem(response, 422, "idempotency_conflict")
    assert everything() == before


def test_a_key_belongs_to_the_user_of_the_record(service, walk):
    other = UserFactory()

    for name in (walk["user"], other.username):
        response = service.post(RECORDS, {**walk, "user": name, "key": "a"})
        assert response.status_code == 201

    assert profile_of(other).total_xp == 10


def test_two_different_keys_contradict(service, walk):
    before = everything()

    response = service.post(RECORDS, {**walk, "key": "a"}, headers=keyed("b"))

    assert assert_problem(response, 422, "keys_differ")
    assert everything() == before


@pytest.mark.parametrize(
    "key",
    ["", " ", "a b", "x" * 251, "\0", "a\n", "é", "🎉"],
    ids=["empty", "space", "two", "long", "NUL", "line feed", "latin", "emoji"],
)
def test_a_header_that_is_no_key_is_refused(service, walk, key):
    before = everything()

    response = service.post(RECORDS, walk, headers=keyed(key))

    assert assert_problem(response, 400, "invalid_key")
    assert everything() == before


@pytest.mark.parametrize("key", ["x" * 250, "!~", "'\"--;", "a,b"])
def test_a_header_takes_visible_characters_of_ascii(service, user, walk, key):
    assert service.post(RECORDS, walk, headers=keyed(key)).status_code == 201
    assert ledger_of(user)[0].key == key


@pytest.mark.parametrize("key", ["x" * 255, "🎉 ok", " ", "'\"--;"])
def test_a_key_in_the_body_is_any_text(service, user, walk, key):
    assert service.post(RECORDS, {**walk, "key": key}).status_code == 201
    assert ledger_of(user)[0].key == key


def test_a_site_may_require_keys(service, walk, settings):
    settings.GAMIFICATION = {"REQUIRE_KEYS": True}
    before = everything()

    refused = service.post(RECORDS, walk)

    assert assert_problem(refused, 400, "key_required")
    assert everything() == before
    assert service.post(RECORDS, walk, headers=keyed("a")).status_code == 201
    assert service.post(RECORDS, {**walk, "key": "b"}).status_code == 201


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"user": "nobody"}, "unknown_user"),
        ({"activity": "fly"}, "unknown_activity"),
        ({"activity": "off"}, "inactive_activity"),
        ({"occurred_at": "2026-02-28T11:59:59Z"}, "too_old"),
        ({"occurred_at": "2026-03-02T12:05:01Z"}, "in_future"),
        ({"occurred_at": "1969-12-31T23:59:59Z"}, "invalid_instant"),
        ({"occurred_at": "9999-12-31T23:59:59Z"}, "in_future"),
    ],
)
def test_a_record_that_breaks_a_rule_is_refused(service, walk, change, code):
    ActivityFactory(key="off", is_active=False)
    before = everything()

    response = service.post(RECORDS, {**walk, **change})

    assert assert_problem(response, 422, code)
    assert everything() == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"user": ""}, "blank"),
        ({"user": 1}, "invalid"),
        ({"user": "\0"}, "unstorable"),
        ({"user": "\ud800"}, "unstorable"),
        ({"user": None}, "null"),
        ({"user": ["x"]}, "invalid"),
        ({"user": "x" * 256}, "max_length"),
        ({"activity": "Not a key!"}, "invalid"),
        ({"activity": "x" * 101}, "max_length"),
        ({"quantity": 0}, "min_value"),
        ({"quantity": -1}, "min_value"),
        ({"quantity": 1_000_001}, "max_value"),
        ({"quantity": 2**63}, "max_value"),
        ({"quantity": True}, "invalid"),
        ({"quantity": 1.0}, "invalid"),
        ({"quantity": "1"}, "invalid"),
        ({"quantity": "１２"}, "invalid"),
        ({"occurred_at": "2026-03-02"}, "invalid"),
        ({"occurred_at": "2026-03-02T12:00:00"}, "invalid"),
        ({"occurred_at": "2026-13-40T12:00:00Z"}, "invalid"),
        ({"occurred_at": 1772452800}, "invalid"),
        ({"key": ""}, "blank"),
        ({"key": "x" * 256}, "max_length"),
        ({"key": "a\0"}, "unstorable"),
        ({"source": "x" * 256}, "max_length"),
        ({"source": {"a": 1}}, "invalid"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_invalid_record_is_refused(service, walk, change, code):
    before = everything()

    response = service.post(RECORDS, {**walk, **change})

    [name] = change
    assert errors_in(response) == {f"/{name}": code}
    assert everything() == before


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "amount",
        "total_xp",
        "xp",
        "credited",
        "level",
        "current_streak",
        "unlocks",
        "achievement",
        "is_staff",
        "local_date",
        "recorded_at",
        "created_at",
        "actor",
        "historical",
        "celebrate",
        "anything",
    ],
)
def test_a_record_has_no_other_fields(service, walk, name):
    before = everything()

    response = service.post(RECORDS, {**walk, name: 1_000})

    assert errors_in(response) == {f"/{name}": "unknown"}
    assert everything() == before


@pytest.mark.parametrize("permissions", [[], ["adjust_xp", "add_ledgerentry"]])
def test_without_the_permission_nothing_is_looked_at(user, walk, permissions):
    client = client_of(user, *permissions)
    before = everything()

    for record in (walk, {**walk, "user": "nobody"}, [walk]):
        assert assert_problem(client.post(RECORDS, record), 403, "permission_denied")

    assert everything() == before


def test_there_is_nothing_to_read(service):
    assert assert_problem(service.get(RECORDS), 405, "method_not_allowed")


def test_records_have_a_rate_of_their_own(service, walk, settings):
    settings.GAMIFICATION = {"THROTTLE_RATES": {"record": "1/day", "write": "0/day"}}

    first, second = service.post(RECORDS, walk), service.post(RECORDS, walk)

    assert first.status_code == 201
    assert assert_problem(second, 429, "throttled")


def test_a_refused_record_uses_up_no_key(service, user, walk):
    records = [{**walk, "activity": "wallk", "key": "a"}, {**walk, "key": "a"}]

    first = service.post(RECORDS, records).json()["results"]
    again = service.post(RECORDS, records).json()["results"]

    assert [result["status"] for result in first] == [422, 201]
    assert [result["status"] for result in again] == [422, 200]
    assert profile_of(user).total_xp == 10


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"user": "adah"}, "No user has the public name 'adah'."),
        (
            {"activity": "wallk"},
            "No activity has the key 'wallk'. Did you mean 'walk'?",
        ),
        ({"activity": "off"}, "The activity 'off' is switched off."),
    ],
)
def test_a_refusal_names_the_value(service, walk, change, detail):
    ActivityFactory(key="off", is_active=False)

    response = service.post(RECORDS, {**walk, **change})

    assert response.json()["detail"] == detail


def test_a_misspelt_field_is_told_with_the_right_one(service, walk):
    response = service.post(RECORDS, {**walk, "quantiti": 2})

    [error] = response.json()["errors"]
    assert error["detail"] == "This name is unknown here. Did you mean 'quantity'?"


def test_each_of_some_records_has_a_result_of_its_own(service, user, walk):
    ActivityFactory(key="swim")
    other = UserFactory()
    service.post(RECORDS, {**walk, "key": "old"})
    records = [
        {**walk, "key": "old"},
        {"user": other.username, "activity": "swim"},
        {**walk, "user": "nobody"},
        {**walk, "quantity": 0, "level": 9},
        {**walk, "activity": "fly"},
        {**walk, "key": "old", "quantity": 2},
        "walk",
        None,
        walk,
    ]

    response = service.post(RECORDS, records)

    results = response.json()["results"]
    codes = [result["problem"] and result["problem"]["code"] for result in results]
    assert response.status_code == 200
    assert [result["status"] for result in results] == [
        *(200, 201, 422, 400, 422, 422, 400, 400, 201)
    ]
    assert codes == [
        *(None, None, "unknown_user", "invalid", "unknown_activity"),
        *("idempotency_conflict", "invalid", "invalid", None),
    ]
    pointers = [result["problem"]["errors"][0]["pointer"] for result in results[3:8:3]]
    assert pointers == ["/3/level", "/6"]
    assert [profile_of(who).total_xp for who in (user, other)] == [20, 10]


def test_a_result_is_an_outcome_or_a_problem(service, user, walk):
    single = service.post(RECORDS, {**walk, "key": "a"}).json()

    response = service.post(RECORDS, [{**walk, "key": "a"}, {**walk, "user": "x"}])

    done, refused = response.json()["results"]
    assert done == {
        "status": 200,
        "outcome": {**single, "replayed": True},
        "problem": None,
    }
    assert (refused["status"], refused["outcome"]) == (422, None)
    assert refused["problem"]["type"] == "urn:gamification:problem:unknown_user"


def test_records_of_a_list_have_their_activities_and_celebrations(service, user, walk):
    ActivityFactory(key="swim")
    AchievementFactory(criterion="active_days")
    records = [{**walk, "activity": "swim"}, {**walk, "user": "x"}, walk]

    results = service.post(RECORDS, records).json()["results"]

    first, third = results[0]["outcome"], results[2]["outcome"]
    entries = {entry.pk for entry in ledger_of(user) if entry.activity}
    assert [first["entry"]["activity"], third["entry"]["activity"]] == ["swim", "walk"]
    assert {first["entry"]["id"], third["entry"]["id"]} == entries
    assert None not in [notice["id"] for notice in first["celebrations"]]


def test_the_header_gives_keys_to_records_that_have_none(service, user, walk):
    records = [walk, {**walk, "key": "own"}, walk]

    first = service.post(RECORDS, records, headers=keyed("batch"))
    again = service.post(RECORDS, records, headers=keyed("batch"))

    assert [entry.key for entry in ledger_of(user)] == ["batch␟0", "own", "batch␟2"]
    assert [result["status"] for result in again.json()["results"]] == [200] * 3
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"


def test_the_longest_header_leaves_room_for_the_last_position(service, user, walk):
    records = [{}] * 999 + [walk]

    service.post(RECORDS, records, headers=keyed("x" * 250))

    assert ledger_of(user)[0].key == "x" * 250 + "␟999"


def test_no_record_of_its_own_has_the_key_of_one_in_a_list(service, user, walk):
    service.post(RECORDS, [walk, walk], headers=keyed("a"))

    alone = service.post(RECORDS, walk, headers=keyed("a:1"))
    named = service.post(RECORDS, {**walk, "key": "a␟1"})

    assert (alone.status_code, len(ledger_of(user))) == (201, 3)
    assert errors_in(named) == {"/key": "unstorable"}


def test_a_list_in_which_anything_is_new_is_no_replay(service, walk):
    service.post(RECORDS, {**walk, "key": "a"})

    for other in (walk, {**walk, "user": "nobody"}):
        response = service.post(RECORDS, [{**walk, "key": "a"}, other])
        assert "Idempotent-Replayed" not in response


def test_a_site_may_require_keys_of_each_record(service, walk, settings):
    settings.GAMIFICATION = {"REQUIRE_KEYS": True}
    records = [walk, {**walk, "key": "a"}]

    bare = service.post(RECORDS, records).json()["results"]
    headed = service.post(RECORDS, records, headers=keyed("b")).json()["results"]

    assert [result["status"] for result in bare] == [400, 201]
    assert bare[0]["problem"]["code"] == "key_required"
    assert [result["status"] for result in headed] == [201, 200]


@pytest.mark.parametrize("number", [0, 1_001])
def test_a_list_of_a_wrong_length_is_refused(service, walk, number):
    before = everything()

    response = service.post(RECORDS, [walk] * number)

    assert errors_in(response) == {"": "length"}
    assert everything() == before


def test_a_list_with_a_header_that_is_no_key_is_refused(service, walk):
    response = service.post(RECORDS, [walk], headers=keyed("a b"))

    assert assert_problem(response, 400, "invalid_key")


@pytest.mark.parametrize("body", ["null", '"x"', "1", "true", ""])
def test_a_body_that_is_neither_record_nor_list_is_refused(service, body):
    before = everything()

    response = service.generic("POST", RECORDS, body, content_type=JSON)

    assert response.status_code == 400
    assert everything() == before


def test_a_name_names_one_user_in_one_way(service, walk, user, settings):
    settings.GAMIFICATION = {"PUBLIC_USER_FIELD": user._meta.pk.name}
    name = str(user.pk)

    names = [name, f" {name}", f"{name} ", f"+{name}", f"0{name}", walk["user"]]
    names += [str(10**24), "-1", "9" * 200]
    records = [{**walk, "user": name} for name in names]
    results = service.post(RECORDS, records).json()["results"]

    assert [result["status"] for result in results] == [201, *[422] * (len(names) - 1)]


def queries_of(service, records):
    with CaptureQueriesContext(connection) as queries:
        assert service.post(RECORDS, records).status_code in {200, 201}
    return len(queries)


def test_one_record_takes_few_queries(service, walk):
    service.post(RECORDS, walk)

    # The user whom it names; where they stand; the write, in a savepoint because the
    # test has a transaction of its own. Other databases lock, read each table and write
    # each table by itself.
    assert queries_of(service, walk) == (5 if IS_POSTGRESQL else 13)


@pytest.mark.skipif(not IS_POSTGRESQL, reason="Others write so many rows at once.")
def test_a_thousand_records_take_as_many_queries_as_ten(service):
    users = UserFactory.create_batch(1_020)
    records = [{"user": user.username, "activity": "walk"} for user in users]
    parts = records[:10], records[10:20], records[20:]

    _, few, many = (queries_of(service, part) for part in parts)

    # The users whom they name; of these, who has no row yet, and rows for them; the
    # lock; where they stand; the write; and a savepoint, made and released.
    assert (few, many) == (8, 8)


def test_an_excluded_user_earns_nothing(service, user, walk):
    exclude_user(user, reason="Cheated.", actor=None)
    body = {"user": public_name(user), "activity": "walk"}

    one = service.post(RECORDS, body)
    [each] = service.post(RECORDS, [body]).json()["results"]

    assert_problem(one, 409, "user_excluded")
    assert (each["status"], each["problem"]["code"]) == (409, "user_excluded")
    assert not LedgerEntry.objects.exists()


@pytest.fixture
def review(user):
    """A record of ``user`` about a book."""
    types = {"genre": "string", "pages": "integer", "is_signed": "boolean"}
    ActivityFactory(key="review", attributes=types)
    said = {"genre": "fantasy", "pages": 412, "is_signed": True}
    return {"user": user.username, "activity": "review", "attributes": said}


def test_an_outcome_has_the_attributes_of_the_record(service, user, review):
    outcome = service.post(RECORDS, review).json()

    assert outcome["entry"]["attributes"] == review["attributes"]
    assert ledger_of(user)[0].attributes == review["attributes"]


def test_a_list_has_records_with_attributes(service, user, review):
    records = [review, {**review, "attributes": {"pages": 1}}]

    service.post(RECORDS, records)

    kept = [entry.attributes for entry in ledger_of(user)]
    assert kept == [review["attributes"], {"pages": 1}]


def test_attributes_are_part_of_what_a_key_stands_for(service, review):
    service.post(RECORDS, {**review, "key": "a"})

    other = {**review, "key": "a", "attributes": {"pages": 1}}
    response = service.post(RECORDS, other)
    again = service.post(RECORDS, {**review, "key": "a"})

    assert_problem(response, 422, "idempotency_conflict")
    assert again.json()["replayed"] is True


@pytest.mark.parametrize(
    ("attributes", "code", "pointer"),
    [
        ({"gener": "x"}, "unknown_attribute", "/attributes/gener"),
        ({"a/b~": "x"}, "unknown_attribute", "/attributes/a~1b~0"),
        ({"genre": 1}, "invalid_attribute", "/attributes/genre"),
        ({"pages": 2**53 + 1}, "invalid_attribute", "/attributes/pages"),
        ({"genre": "x" * 65}, "invalid_attribute", "/attributes/genre"),
        ({f"a{n}": 1 for n in range(17)}, "invalid_attribute", "/attributes"),
    ],
)
def test_a_refused_attribute_is_pointed_at(service, review, attributes, code, pointer):
    before = everything()

    response = service.post(RECORDS, {**review, "attributes": attributes})

    [error] = assert_problem(response, 422, code)["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert everything() == before


@pytest.mark.parametrize("value", [None, 1.5, [[]], {"a": 1}])
def test_an_attribute_is_simple(service, review, value):
    attributes = {"genre": "x", "pages": value, "a/b": value}

    response = service.post(RECORDS, {**review, "attributes": attributes})

    assert errors_in(response) == {
        "/attributes/pages": "invalid",
        "/attributes/a~1b": "invalid",
    }


@pytest.mark.parametrize("attributes", [None, [], "genre", 1, True])
def test_attributes_are_an_object(service, review, attributes):
    response = service.post(RECORDS, {**review, "attributes": attributes})

    assert [*errors_in(response)] == ["/attributes"]


def test_a_list_goes_on_after_a_refused_attribute(service, user, review):
    wrong = {**review, "attributes": {"genre": 1}}

    response = service.post(RECORDS, [review, wrong])

    first, second = response.json()["results"]
    assert (first["status"], second["status"]) == (201, 422)
    [error] = second["problem"]["errors"]
    assert (error["pointer"], error["code"]) == (
        "/1/attributes/genre",
        "invalid_attribute",
    )
    assert len(ledger_of(user)) == 1
