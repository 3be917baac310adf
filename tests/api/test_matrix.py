"""Who may do what: every route, every method, everybody."""

from __future__ import annotations

import re

import pytest
from django.urls import resolve

from gamification.services import EntryKind
from tests.api.assertions import assert_problem
from tests.api.dataset import PERSONS, Dataset
from tests.api.routes import OPERATIONS, route_of
from tests.inspection import everything, written_statements

pytestmark = pytest.mark.django_db

#: ``user`` is who the address is about, if it is about anybody but {public}.
#: ``allowed`` is staff with all permissions of the app, ``staff`` has none.
TABLE = """
method  address                                  anonymous user other staff allowed

GET     achievements/                                  401  200   200   200     200
POST    achievements/                                  401  403   403   403     201
GET     achievements/{shown}/                          401  200   200   200     200
GET     achievements/{held}/                           401  200   404   404     200
GET     achievements/{secret}/                         401  404   404   404     200
GET     achievements/{draft}/                          401  404   404   404     200
GET     achievements/none/                             401  404   404   404     404
PATCH   achievements/{shown}/                          401  403   403   403     200
PATCH   achievements/{secret}/                         401  403   403   403     200
PATCH   achievements/none/                             401  403   403   403     404
POST    achievements/preview/                          401  403   403   403     200
POST    achievements/{shown}/preview/                  401  403   403   403     200
POST    achievements/none/preview/                     401  403   403   403     404
GET     achievements/{shown}/explain/                  401  200   200   200     200
GET     achievements/{held}/explain/                   401  200   404   404     200
GET     achievements/{secret}/explain/                 401  404   404   404     200
GET     achievements/{draft}/explain/                  401  404   404   404     200
GET     achievements/none/explain/                     401  404   404   404     404
GET     achievements/{shown}/backfill/                401  403   403   403     200
GET     achievements/none/backfill/                   401  403   403   403     404
POST    achievements/{shown}/backfill/                401  403   403   403     200
POST    achievements/none/backfill/                   401  403   403   403     404

GET     activities/                                    401  403   403   403     200
POST    activities/                                    401  403   403   403     201
GET     activities/walk/                               401  403   403   403     200
GET     activities/none/                               401  403   403   403     404
PATCH   activities/walk/                               401  403   403   403     200
PATCH   activities/none/                               401  403   403   403     404

GET     jobs/                                          401  403   403   403     200
POST    jobs/                                          401  403   403   403     201
POST    jobs/preview/                                  401  403   403   403     200
GET     jobs/{job}/                                    401  403   403   403     200
GET     jobs/0/                                        401  403   403   403     404
POST    jobs/{job}/step/                               401  403   403   403     200
POST    jobs/0/step/                                   401  403   403   403     404
POST    jobs/{job}/pause/                              401  403   403   403     200
POST    jobs/{job}/resume/                             401  403   403   403     200
POST    jobs/{job}/abandon/                            401  403   403   403     200
POST    jobs/{job}/undo/                               401  403   403   403     409

GET     leaderboards/day/                              401  200   200   200     200
GET     leaderboards/week/                             401  200   200   200     200
GET     leaderboards/month/                            401  200   200   200     200
GET     leaderboards/all/                              401  200   200   200     200
GET     leaderboards/week/winners/                     401  200   200   200     200

GET     boosts/                                        401  403   403   403     200
POST    boosts/                                        401  403   403   403     201
GET     boosts/planned/                                401  403   403   403     200
GET     boosts/none/                                   401  403   403   403     404
PATCH   boosts/planned/                                401  403   403   403     200
PATCH   boosts/none/                                   401  403   403   403     404
DELETE  boosts/planned/                                401  403   403   403     204
DELETE  boosts/none/                                   401  403   403   403     404
POST    boosts/planned/preview/                        401  403   403   403     200
POST    boosts/none/preview/                           401  403   403   403     404
POST    boosts/preview/                                401  403   403   403     200
POST    boosts/running/end/                            401  403   403   403     200
POST    boosts/none/end/                               401  403   403   403     404

GET     levels/                                        401  200   200   200     200
PUT     levels/table/                                  401  403   403   403     200
POST    levels/preview/                                401  403   403   403     200

GET     me/                                            401  200   200   200     200
PATCH   me/                                            401  200   200   200     200
GET     me/achievements/                               401  200   200   200     200
GET     me/boosts/                                     401  200   200   200     200
GET     me/calendar/                                   401  200   200   200     200
GET     me/celebrations/                               401  200   200   200     200
POST    me/celebrations/acknowledge/                   401  200   200   200     200
POST    me/celebrations/{own}/acknowledge/             401  204   404   404     404
POST    me/celebrations/{own}/claim/                   401  200   404   404     404
GET     me/ledger/                                     401  200   200   200     200
GET     me/pauses/                                     401  200   200   200     200
POST    me/pauses/                                     401  201   201   201     201
DELETE  me/pauses/                                     401  204   204   204     204
POST    me/repairs/                                    401  422   422   422     422
GET     me/streaks/                                    401  200   200   200     200

POST    records/                                       401  403   403   403     201

GET     streaks/                                       401  403   403   403     200
POST    streaks/                                       401  403   403   403     201
GET     streaks/daily/                                 401  403   403   403     200
GET     streaks/none/                                  401  403   403   403     404
PATCH   streaks/daily/                                 401  403   403   403     200
PATCH   streaks/none/                                  401  403   403   403     404
POST    streaks/daily/preview/                         401  403   403   403     200
POST    streaks/preview/                               401  403   403   403     200
POST    streaks/none/preview/                          401  403   403   403     404

GET     users/{public}/                                401  200   200   200     200
GET     users/{private}/                               401  404   404   404     404
GET     users/nobody/                                  401  404   404   404     404
GET     users/{public}/achievements/                   401  200   200   200     200
GET     users/{private}/achievements/                  401  404   404   404     404
POST    users/{public}/achievements/                   401  403   403   403     201
POST    users/{private}/achievements/                  401  403   403   403     201
POST    users/nobody/achievements/                     401  403   403   403     404
POST    users/{private}/achievements/{held}/revoke/    401  403   403   403     201
POST    users/{private}/achievements/{shown}/revoke/   401  403   403   403     409
POST    users/{private}/achievements/none/revoke/      401  403   403   403     404
POST    users/{private}/adjustments/                   401  403   403   403     201
POST    users/nobody/adjustments/                      401  403   403   403     404
POST    users/{public}/reversals/                      401  403   403   403     201
POST    users/{private}/reversals/                     401  403   403   403     422
POST    users/nobody/reversals/                        401  403   403   403     404
GET     users/{private}/freezes/                       401  403   403   403     200
GET     users/nobody/freezes/                          401  403   403   403     404
POST    users/{private}/freezes/                       401  403   403   403     201
POST    users/nobody/freezes/                          401  403   403   403     404
GET     users/{private}/pauses/                        401  403   403   403     200
GET     users/nobody/pauses/                           401  403   403   403     404
POST    users/{private}/pauses/                        401  403   403   403     201
POST    users/nobody/pauses/                           401  403   403   403     404
DELETE  users/{private}/pauses/                        401  403   403   403     204
DELETE  users/{public}/pauses/                         401  403   403   403     404
DELETE  users/nobody/pauses/                           401  403   403   403     404
GET     users/{private}/repairs/                       401  403   403   403     200
GET     users/nobody/repairs/                          401  403   403   403     404
POST    users/{private}/repairs/                       401  403   403   403     201
POST    users/nobody/repairs/                          401  403   403   403     404
GET     users/{private}/restrictions/                  401  403   403   403     200
GET     users/nobody/restrictions/                     401  403   403   403     404
POST    users/{private}/restrictions/                  401  403   403   403     201
POST    users/nobody/restrictions/                     401  403   403   403     404
POST    users/{private}/restrictions/hold/lift/        401  403   403   403     200
POST    users/{private}/restrictions/exclusion/lift/   401  403   403   403     404
POST    users/nobody/restrictions/hold/lift/           401  403   403   403     404
"""

#: What a route does not offer.
NOT_OFFERED = (401, 405, 405, 405, 405)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
HEADING, *LINES = [line.split() for line in TABLE.splitlines() if line]
ROWS = [(method, address, tuple(map(int, rest))) for method, address, *rest in LINES]


def route_at(address: str) -> str:
    """Return the route that ``address``, with whatever names, belongs to."""
    concrete = re.sub(
        "{(.*?)}", lambda name: "1" if name[1] in {"own", "job"} else "x", address
    )
    return route_of(resolve(f"/api/gamification/v1/{concrete}").route)


def answers_to_all(dataset: Dataset, method: str, address: str) -> tuple[int, ...]:
    """Return everybody's status; a refusal is a problem that changes nothing."""
    statuses, before = [], dataset.rows
    body = dataset.bodies.get(f"{method} {route_at(address)}")
    for person in PERSONS:
        with written_statements() as written:
            response = dataset.ask(person, method, address, body)
        statuses.append(response.status_code)
        after = everything() if written else before
        if response.status_code >= 400:
            assert_problem(response, response.status_code, response.json()["code"])
            assert after == before
        before = after
    return tuple(statuses)


@pytest.mark.parametrize(("method", "address", "expected"), ROWS)
def test_everybody_is_answered_as_the_table_says(dataset, method, address, expected):
    assert answers_to_all(dataset, method, address) == expected


ADDRESSES = {route_at(address): address for _, address, _ in ROWS}
OFFERED = {(method, route_at(address)) for method, address, _ in ROWS}


@pytest.mark.parametrize(
    ("method", "address"),
    [
        (method, address)
        for route, address in ADDRESSES.items()
        for method in METHODS
        if (method, route) not in OFFERED
    ],
)
def test_nothing_beside_the_table_is_offered(dataset, method, address):
    assert answers_to_all(dataset, method, address) == NOT_OFFERED


def test_the_table_has_every_route_and_method_and_no_other():
    assert {(each.method, each.route) for each in OPERATIONS} == OFFERED


def test_users_see_entries_of_every_kind_in_their_own_ledger(dataset):
    kinds = {}
    for person in ("user", "other", "allowed"):
        entries = dataset.ask(person, "GET", "me/ledger/").json()["results"]
        kinds[person] = {entry["kind"] for entry in entries}

    assert kinds == {"user": {*EntryKind.values}, "other": set(), "allowed": set()}


def test_the_table_has_everybody():
    assert tuple(HEADING[2:]) == PERSONS
