from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from gamification.management.commands import gamification_many
from gamification.models import Job, LedgerEntry
from gamification.services import award_achievement, record_activity
from gamification.services.many import lists
from gamification.staff import run_next_step
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, held_by, profile_of
from tests.management.imports import CommandResult

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


def run(*arguments):
    """Return the lines of output, and those of errors."""
    result = CommandResult()
    call_command(
        "gamification_many", *arguments, stdout=result.stdout, stderr=result.stderr
    )
    streams = result.stdout, result.stderr
    return tuple(stream.getvalue().splitlines() for stream in streams)


@pytest.fixture
def users(db):
    AchievementFactory(key="medal", xp_reward=60)
    return [UserFactory(username=name) for name in ("ada", "bob")]


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "users.csv"
    path.write_text("username\nada\nbob\nnobody\n")
    return str(path)


def test_without_begin_it_only_says_what_would_happen(users, names):
    award_achievement(users[0], "medal")
    before = everything()

    output, errors = run("award", "medal", names)

    assert output == [
        "users: 1, XP: 60, skipped: 1",
        "unlocks medal: 1",
        "This was a preview: nothing was changed.",
    ]
    assert errors == ["not found: nobody"]
    assert everything() == before


def test_a_list_is_awarded(users, names):
    output, _ = run("award", "medal", names, "--begin", "--note", "Helped.")

    assert output == [f"job {Job.objects.get().pk}: users: 2, skipped: 0, XP: 120"]
    assert [held_by(user) for user in users] == [{"medal"}] * 2
    assert LedgerEntry.objects.first().note == "Helped."


def test_a_list_loses_an_achievement(users, names):
    award_achievement(users[0], "medal")

    preview, _ = run("revoke", "medal", names)
    output, _ = run("revoke", "medal", names, "--begin")

    assert preview[:2] == ["users: 1, XP: -60, skipped: 1", "takes back medal: 1"]
    assert output == [f"job {Job.objects.get().pk}: users: 2, skipped: 1, XP: -60"]


def test_a_list_gets_xp(users, names):
    run("adjust", "40", names, "--begin", "--note", "A gift.", "--celebrate")

    assert [profile_of(user).total_xp for user in users] == [40, 40]
    assert Job.objects.get().parameters["celebrate"] is True


def test_a_list_with_a_key_is_done_once(users, names, monkeypatch):
    monkeypatch.setattr(lists, "USERS_AT_ONCE", 1)
    adjust = ("adjust", "10", names, "--note", "A gift.", "--begin", "--key", "may")
    with monkeypatch.context() as patch:
        patch.setattr(gamification_many, "run_to_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(*adjust)

    (first, _), (second, _) = run(*adjust), run(*adjust)

    assert (
        first == second == [f"job {Job.objects.get().pk}: users: 2, skipped: 0, XP: 20"]
    )
    assert [profile_of(user).total_xp for user in users] == [10, 10]


@pytest.mark.parametrize("action", ["award", "take-back"])
def test_a_job_with_a_key_goes_on_when_users_were_renamed(users, names, action):
    given = {
        "award": ("award", "medal", names),
        "take-back": (action, "--since=2026-01-01", "--until=2026-01-02", "--user=ada"),
    }
    asked = (*given[action], "--begin", "--key", "may")
    first = run(*asked)[0]
    get_user_model().objects.filter(username="ada").update(username="renamed")
    UserFactory(username="nobody")

    assert run(*asked) == (first, [])


def interrupt(job_id, terminal):
    run_next_step(job_id, actor=None)
    raise KeyboardInterrupt


def test_an_adjustment_needs_a_note_to_begin(users, names):
    assert run("adjust", "40", names)[0][0] == "users: 2, XP: 80, skipped: 0"
    with pytest.raises(CommandError, match="The note is empty"):
        run("adjust", "40", names, "--begin")


def test_a_period_is_taken_back(users, activity):
    days = [record_activity(user, "walk").entry.local_date for user in users]
    span = ("--since", str(days[0]), "--until", str(days[0]))

    preview, _ = run("take-back", *span)
    run("take-back", *span, "--user", "ada", "--activity", "walk", "--begin")

    assert preview[0] == "users: 2, XP: -20, skipped: 0"
    assert [profile_of(user).total_xp for user in users] == [0, 10]


@pytest.mark.parametrize("name", ["nobody", "ada,bob"])
def test_a_period_is_of_one_user_or_of_everybody(users, name):
    span = ("--since", "2026-01-01", "--until", "2026-01-02")

    with pytest.raises(CommandError, match="does not identify exactly one user"):
        run("take-back", *span, "--user", name)


def test_a_name_of_several_users_is_reported(users, tmp_path):
    for username in ("one", "two"):
        UserFactory(username=username, email="same@example.org")
    (tmp_path / "list").write_text("same@example.org\nada")

    _, errors = run("award", "medal", str(tmp_path / "list"))

    assert errors == ["matches several users: same@example.org"]


def test_a_sample_is_said_to_be_one(users, names, monkeypatch):
    monkeypatch.setattr("gamification.services.many.preview.MAX_PLAYED", 1)

    assert "of a sample: 1 of 2 users" in run("award", "medal", names)[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "not UTF-8 text"),
        (b"a" * 20, "larger than 10 bytes"),
        (b"", "The list has 0 names"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused(
    users, tmp_path, monkeypatch, content, message
):
    monkeypatch.setattr(gamification_many, "MAX_SIZE", 10)
    (tmp_path / "list").write_bytes(content)

    with pytest.raises(CommandError, match=message):
        run("award", "medal", str(tmp_path / "list"))


def test_a_job_that_fails_says_why(users, names, monkeypatch):
    def refuse(*args, **kwargs):
        raise lists.InvalidActError("It failed.")

    monkeypatch.setattr(lists, "apply_act", refuse)

    with pytest.raises(CommandError, match="It failed"):
        run("award", "medal", names, "--begin")
