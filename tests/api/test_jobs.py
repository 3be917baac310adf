from __future__ import annotations

import pytest

from gamification.models import Job, LedgerEntry
from gamification.services import award_achievement, record_activity
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, held_by, profile_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

JOBS = f"{API}jobs/"

AWARD = {"kind": "award", "achievement": "medal", "users": ["ada", "eve@example.org"]}
GIFT = {"kind": "adjustment", "amount": 5, "users": ["ada"], "note": "A gift."}
PERIOD = {"kind": "reversal", "since": "2026-01-01", "until": "2026-01-02", "note": "x"}


@pytest.fixture
def users(db):
    AchievementFactory(key="medal", xp_reward=60)
    ada = UserFactory(username="ada")
    return [ada, UserFactory(username="eve", email="eve@example.org")]


@pytest.fixture
def api(user):
    return client_of(
        user,
        "run_job",
        "award_achievement",
        "revoke_achievement",
        "adjust_xp",
        "reverse_entry",
    )


def begin(api, body):
    return f"{JOBS}{api.post(JOBS, body).json()['id']}/"


def test_a_list_is_awarded_step_by_step(api, user, users):
    begun = api.post(JOBS, {**AWARD, "note": "Helped."})
    job = begun.json()
    stepped = api.post(f"{JOBS}{job['id']}/step/")

    assert begun.status_code == 201
    assert {**job, "id": 0, "created_at": ""} == {
        "id": 0,
        "kind": "award",
        "state": "ready",
        "parameters": {"achievement": "medal", "celebrate": False, "note": "Helped."},
        "total": 2,
        "done": 0,
        "skipped": 0,
        "xp": 0,
        "error": "",
        "created_at": "",
        "finished_at": None,
        "undoes": None,
    }
    assert stepped.json()["state"] == "finished"
    assert stepped.json()["xp"] == 120
    assert [held_by(each) for each in users] == [{"medal"}] * 2
    assert LedgerEntry.objects.first().actor == user


def test_a_preview_says_what_would_happen_and_changes_nothing(api, users):
    award_achievement(users[0], "medal")
    before = everything()

    names = [*AWARD["users"], "nobody"]
    response = api.post(f"{JOBS}preview/", {**AWARD, "users": names})

    assert everything() == before
    assert response.json() == {
        "asked": 2,
        "played": 2,
        "is_exact": True,
        "users": 1,
        "xp": 60,
        "raised": 1,
        "lowered": 0,
        "unlocks": {"medal": 1},
        "losses": {},
        "skipped": {"The user holds it already.": 1},
        "unknown": ["nobody"],
        "ambiguous": [],
    }


def test_a_period_is_previewed_and_taken_back(api, users, activity):
    entry = record_activity(users[0], "walk").entry
    record_activity(users[1], "walk")
    day = str(entry.local_date)
    body = {"kind": "reversal", "since": day, "until": day}

    everybody = api.post(f"{JOBS}preview/", body).json()
    one = api.post(f"{JOBS}preview/", {**body, "users": ["ada"]}).json()
    job = begin(api, {**body, "users": ["ada"], "note": "Cheated."})
    api.post(f"{job}step/")

    assert [(each["users"], each["xp"]) for each in (everybody, one)] == [
        (2, -20),
        (1, -10),
    ]
    assert [profile_of(each).total_xp for each in users] == [0, 10]


def test_a_reversal_is_of_one_user_or_of_everybody(api, users):
    body = {"kind": "reversal", "since": "2026-01-01", "until": "2026-01-02"}

    response = api.post(f"{JOBS}preview/", {**body, "users": ["ada", "eve"]})

    assert_problem(response, 422, "unknown_user")


def test_a_job_is_paused_resumed_abandoned_and_taken_back(api, users):
    job = begin(api, GIFT)

    states = [
        api.post(f"{job}{what}/").json()["state"]
        for what in ("pause", "step", "resume", "abandon")
    ]
    undo = api.post(f"{job}undo/", {"note": "A mistake."})

    assert states == ["paused", "paused", "ready", "abandoned"]
    assert undo.status_code == 201
    assert undo.json()["undoes"] == Job.objects.earliest("pk").pk
    assert undo.json()["parameters"]["note"] == "A mistake."


def test_a_job_that_is_over_cannot_be_paused(api, users):
    job = begin(api, GIFT)
    api.post(f"{job}step/")

    assert_problem(api.post(f"{job}pause/"), 409, "job_state")


def test_a_job_that_goes_on_cannot_be_taken_back(api, users):
    job = begin(api, GIFT)

    assert_problem(api.post(f"{job}undo/", {"note": "x"}), 409, "job_state")


def test_reading_a_job_changes_nothing(api, users):
    job = begin(api, GIFT)
    before = everything()

    listed = api.get(JOBS).json()["results"]

    assert listed == [api.get(job).json()]
    assert everything() == before


def test_names_of_nobody_are_an_error_unless_they_are_skipped(api, users):
    body = {**GIFT, "users": ["ada", "nobody"]}

    refused = api.post(JOBS, body)
    accepted = api.post(JOBS, {**body, "skip_unknown": True})

    assert "'nobody'" in assert_problem(refused, 422, "unknown_user")["detail"]
    assert (accepted.status_code, accepted.json()["total"]) == (201, 1)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({**AWARD, "achievement": "none", "note": "x"}, 422, "unknown_achievement"),
        ({"kind": "award", "users": ["ada"], "note": "x"}, 422, "invalid_act"),
        ({**GIFT, "users": []}, 400, "invalid"),
        ({**PERIOD, "users": []}, 400, "invalid"),
        ({**PERIOD, "users": ["nobody"]}, 422, "unknown_user"),
        ({"kind": "adjustment", "users": ["ada"], "note": "x"}, 422, "invalid_act"),
        ({"kind": "reversal", "note": "x"}, 422, "invalid_span"),
    ],
)
def test_an_impossible_act_is_refused(api, users, body, status, code):
    assert_problem(api.post(JOBS, body), status, code)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"kind": "undo", "note": "x"}, {"/kind": "invalid_choice"}),
        ({"kind": "award"}, {"/note": "required"}),
    ],
)
def test_a_job_needs_a_note_and_a_kind(api, users, body, errors):
    response = api.post(JOBS, body)

    assert errors_in(response) == errors


def test_a_note_for_staff_alone_is_kept_in_the_ledger(api, users):
    gift = {key: value for key, value in GIFT.items() if key != "note"}

    api.post(f"{begin(api, gift | {'internal_note': 'A bet.'})}step/")

    [entry] = LedgerEntry.objects.all()
    assert (entry.note, entry.internal_note) == ("", "A bet.")


@pytest.mark.parametrize(
    ("kind", "codename"),
    [
        ("award", "award_achievement"),
        ("revocation", "revoke_achievement"),
        ("adjustment", "adjust_xp"),
        ("reversal", "reverse_entry"),
    ],
)
def test_a_job_needs_the_permission_for_one_user_and_for_many(
    api, users, kind, codename
):
    body = {"kind": kind, "note": "x"}
    wrong = client_of(UserFactory(), "run_job")
    lacking = client_of(UserFactory(), codename)
    right = client_of(UserFactory(), "run_job", codename)

    for client, name in ((wrong, codename), (lacking, "run_job")):
        problem = assert_problem(client.post(JOBS, body), 403, "permission_denied")
        assert problem["detail"] == f"You need the permission gamification.{name}."
    assert right.post(JOBS, body).status_code == 422


def test_running_a_job_needs_its_permissions(api, users):
    job = begin(api, GIFT)
    wrong = client_of(UserFactory(), "run_job", "award_achievement", "view_job")

    for what in ("step", "pause", "resume", "abandon"):
        assert_problem(wrong.post(f"{job}{what}/"), 403, "permission_denied")
    assert wrong.get(job).status_code == 200
    assert Job.objects.get().state == "ready"


def test_a_job_begins_once_with_a_key(api, users):
    key = {"HTTP_IDEMPOTENCY_KEY": "may"}
    first, again = (api.post(JOBS, GIFT, **key) for _ in range(2))
    other = api.post(JOBS, GIFT | {"amount": 6}, **key)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again["Idempotent-Replayed"] == "true"
    assert first.json() == again.json()
    assert_problem(other, 422, "idempotency_conflict")
    assert Job.objects.count() == 1


@pytest.mark.parametrize("how", ["renamed", "deleted", "signed up"])
def test_a_job_is_found_again_whatever_became_of_its_names(api, users, how):
    body = GIFT | {"users": ["ada", "eve", "alan"], "skip_unknown": True}
    key = {"HTTP_IDEMPOTENCY_KEY": "may"}
    first = api.post(JOBS, body, **key)
    ada = type(users[0]).objects.filter(username="ada")
    match how:
        case "renamed":
            ada.update(username="lovelace")
        case "deleted":
            ada.delete()
        case _:
            UserFactory(username="alan")

    again = api.post(JOBS, body, **key)

    assert (again.status_code, again.json()) == (200, first.json())


def test_a_period_is_found_again_when_its_user_was_deleted(api, users):
    body = PERIOD | {"users": ["ada"]}
    key = {"HTTP_IDEMPOTENCY_KEY": "may"}
    first = api.post(JOBS, body, **key)
    users[0].delete()

    again = api.post(JOBS, body, **key)

    assert (again.status_code, again.json()) == (200, first.json())
    assert "request" not in first.json()["parameters"]
