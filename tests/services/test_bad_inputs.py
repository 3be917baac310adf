from __future__ import annotations

import re
import uuid
from copy import copy
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.db.models import CharField

from gamification.exceptions import (
    InFutureError,
    InvalidAmountError,
    InvalidInstantError,
    InvalidQuantityError,
    InvalidRequestError,
    InvalidTextError,
    InvalidTimeZoneError,
    TooOldError,
    UnknownAchievementError,
    UnknownActivityError,
    UnknownEntryError,
    UnknownUserError,
)
from gamification.maintenance import rebuild, reconcile
from gamification.models import Achievement, PendingScore
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    explain_achievement,
    record_activities,
    record_activity,
    reverse_entry,
    reverse_source,
    revoke_achievement,
    set_time_zone,
    set_visibility,
    validation,
)
from gamification.staff import RecalculationScope, recalculate_xp
from tests.factories import ActivityFactory, UserFactory
from tests.inspection import everything, written_statements
from tests.resets import rows_of_a_file
from tests.services.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def walker(django_db_setup, django_db_blocker):
    """A user with a record, and all rows after it."""
    with rows_of_a_file(django_db_blocker):
        with time_machine.travel(NOW, tick=False):
            user, _ = UserFactory(), ActivityFactory(key="walk", name="Walk")
            record_activity(user, "walk", quantity=3, source="visions.kpi:1")
        yield user, everything()


@pytest.fixture
def user(walker, db):
    return copy(walker[0])


@pytest.fixture(autouse=True)
def nothing_is_written(walker, db):
    """Whatever is refused leaves no trace."""
    with written_statements() as written:
        yield
    assert not written or everything() == walker[1]


#: A whole number that Python refuses to print.
HUGE = pytest.param(10**5_000, id="5,000 digits")

QUANTITIES = [
    0,
    -1,
    1_000_001,
    2**31,
    2**63,
    -(2**63) - 1,
    HUGE,
    True,
    1.0,
    float("nan"),
    float("inf"),
    Decimal(1),
    "1",
    " 1 ",
    "１２",
    None,
    [1],
]


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda q: ascii(q)[:20])
def test_a_quantity_is_a_whole_number(user, quantity):
    with pytest.raises(
        InvalidQuantityError,
        match=r"^The quantity .+ is not a whole number from 1 to 1,000,000\.$",
    ):
        record_activity(user, "walk", quantity=quantity)


@pytest.mark.parametrize(
    "amount", [0, 2**53 + 1, -(2**53) - 1, True, 1.0, "1", None, HUGE], ids=ascii
)
def test_an_amount_is_a_whole_number(user, amount):
    with pytest.raises(
        InvalidAmountError,
        match=r"^The amount .+ is not a whole number of XP ",
    ):
        adjust_xp(user, amount=amount, note="Sorry.")


@pytest.mark.parametrize(
    ("instant", "reason"),
    [
        (datetime(2026, 6, 10, 12), "has no time zone: make it aware"),  # noqa: DTZ001
        (datetime(1, 1, 1, tzinfo=UTC), "is before 1970"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), "is before 1970"),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "is before 1970"),
        (date(2026, 6, 10), "is not a datetime"),
        ("2026-06-10T12:00:00Z", "is not a datetime"),
        (0, "is not a datetime"),
        (1_781_092_800.0, "is not a datetime"),
    ],
    ids=str,
)
def test_an_instant_is_an_aware_datetime_since_1970(user, instant, reason):
    with pytest.raises(InvalidInstantError) as refusal:
        record_activity(user, "walk", occurred_at=instant, historical=True)

    value = instant if isinstance(instant, datetime) else repr(instant)
    assert refusal.value.code == "invalid_instant"
    assert str(refusal.value) == f"occurred_at is {value}, which {reason}."


@pytest.mark.parametrize(
    "instant",
    [
        NOW + timedelta(minutes=5, microseconds=1),
        NOW + timedelta(days=1),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14))),
    ],
    ids=str,
)
def test_the_future_is_not_recorded(user, instant):
    with pytest.raises(InFutureError) as refusal:
        record_activity(user, "walk", occurred_at=instant)

    assert str(refusal.value) == (
        f"occurred_at is {instant}, more than 5 minutes ahead of the server's clock "
        "(MAX_CLOCK_SKEW)."
    )


@pytest.mark.parametrize(
    "instant",
    [NOW - timedelta(hours=48, microseconds=1), datetime(1970, 1, 1, tzinfo=UTC)],
    ids=str,
)
def test_a_record_may_not_be_too_old(user, instant):
    with pytest.raises(TooOldError) as refusal:
        record_activity(user, "walk", occurred_at=instant)

    assert str(refusal.value) == (
        f"occurred_at is {instant}, more than 48 hours ago (MAX_BACKDATE); in Python, "
        "pass historical=True to allow it."
    )


@pytest.mark.parametrize(
    ("backdate", "words"),
    [
        (timedelta(hours=36), "36 hours"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(seconds=90), "0:01:30"),
    ],
)
def test_the_age_that_is_allowed_is_told_in_words(user, settings, backdate, words):
    settings.GAMIFICATION = {"MAX_BACKDATE": backdate}

    with pytest.raises(TooOldError, match=rf", more than {words} ago "):
        record_activity(user, "walk", occurred_at=NOW - timedelta(days=3))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a\0b", "The source holds characters that cannot be stored."),
        ("\ud800", "The source holds characters that cannot be stored."),
        ("s" * 256, "The source is longer than 255 characters."),
        (None, "The source None is not a text."),
        (7, "The source 7 is not a text."),
    ],
    ids=ascii,
)
def test_a_source_is_a_text_that_can_be_stored(user, source, message):
    with pytest.raises(InvalidTextError) as refusal:
        record_activity(user, "walk", source=source)

    assert str(refusal.value) == message
    assert refusal.value.context == {"field": "source"}


@pytest.mark.parametrize("name", ["", " ", "a\0b", "\ud800", "a" * 256, None, 7, ["a"]])
def test_an_activity_is_named_by_a_text(user, name):
    with pytest.raises(InvalidTextError, match=r"^The activity "):
        record_activity(user, name)


@pytest.mark.parametrize("note", ["", " \n", "a\0b", "\ud800", "n" * 2_001, None])
def test_an_adjustment_needs_a_note(user, note):
    with pytest.raises(InvalidTextError, match=r"^The note "):
        adjust_xp(user, amount=1, note=note)


@pytest.mark.parametrize("source", ["", " ", "a\0b", "s" * 256, None])
def test_a_reversal_needs_a_source(user, source):
    with pytest.raises(InvalidTextError, match=r"^The source "):
        reverse_source(user, source=source)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "n" * 2_001, None, 7])
def test_texts_of_staff_can_be_stored(user, text):
    for verb, arguments in [
        (award_achievement, {"achievement": "first_kpi", "note": text}),
        (revoke_achievement, {"achievement": "first_kpi", "reason": text}),
        (reverse_entry, {"entry_id": 1, "note": text}),
        (reverse_source, {"source": "visions.kpi:1", "note": text}),
    ]:
        with pytest.raises(InvalidTextError):
            verb(user, **arguments)


@pytest.mark.parametrize("entry_id", [0, -1, 2**63, 10**24, 999_999_999])
def test_an_entry_is_one_of_the_users_ledger(user, entry_id):
    with pytest.raises(UnknownEntryError, match=r"^The user's ledger has no entry "):
        reverse_entry(user, entry_id=entry_id)


@pytest.mark.parametrize("entry_id", [True, 1.0, "1", None])
def test_an_entry_is_named_by_its_id(user, entry_id):
    message = f"entry_id is {entry_id!r}, not the id of an entry."
    with pytest.raises(UnknownEntryError, match=f"^{re.escape(message)}$"):
        reverse_entry(user, entry_id=entry_id)


ACHIEVEMENTS = ["", "no_such", "a\0b", "\ud800", "First_KPI", None, 7]


@pytest.mark.parametrize("key", ACHIEVEMENTS, ids=ascii)
@pytest.mark.parametrize(
    "verb", [award_achievement, revoke_achievement, explain_achievement]
)
def test_an_achievement_is_named_by_its_key(user, verb, key):
    with pytest.raises(UnknownAchievementError, match=r"^No achievement has the key "):
        verb(user, key)


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "../",
        "../../etc/passwd",
        "/etc/localtime",
        "Mars/Olympus",
        "europe/paris",
        "a\0b",
        "\ud800",
        "UTC" * 1_000,
        None,
        7,
        ["UTC"],
    ],
    ids=lambda zone: ascii(zone)[:20],
)
def test_a_time_zone_is_one_of_the_iana_names(user, zone):
    with pytest.raises(InvalidTimeZoneError, match=r"^No IANA time zone is called .+"):
        set_time_zone(user, zone)


def test_a_zone_that_is_misspelt_has_a_suggestion(user):
    with pytest.raises(InvalidTimeZoneError) as refusal:
        set_time_zone(user, "Europe/Pariss")

    assert str(refusal.value) == (
        "No IANA time zone is called 'Europe/Pariss'. Did you mean 'Europe/Paris'?"
    )


def test_an_activity_that_is_misspelt_has_a_suggestion(user):
    with pytest.raises(UnknownActivityError) as refusal:
        record_activity(user, "wlak")

    assert str(refusal.value) == (
        "No activity has the key 'wlak'. Did you mean 'walk'?"
    )


def test_an_achievement_that_is_misspelt_has_a_suggestion(user):
    with pytest.raises(UnknownAchievementError) as refusal:
        explain_achievement(user, "frist_kpi")

    assert str(refusal.value) == (
        "No achievement has the key 'frist_kpi'. Did you mean 'first_kpi'?"
    )


@pytest.mark.parametrize("verb", [award_achievement, revoke_achievement])
def test_staff_who_misspell_an_achievement_have_a_suggestion(user, verb):
    with pytest.raises(UnknownAchievementError, match=r"Did you mean 'first_kpi'\?$"):
        verb(user, "frist_kpi")


def test_what_becomes_of_inactive_activities_is_one_of_two(user):
    with pytest.raises(InvalidRequestError) as refusal:
        record_activity(user, "walk", if_inactive="Skip")

    assert str(refusal.value) == (
        "The if_inactive 'Skip' is not one of raise, skip. Did you mean 'skip'?"
    )


def test_no_activity_is_recalculated_by_a_key_that_is_misspelt(user):
    scope = RecalculationScope(["wlak"], date(2026, 6, 1), date(2026, 6, 10))

    with pytest.raises(UnknownActivityError, match=r"Did you mean 'walk'\?$"):
        recalculate_xp(scope)


def test_a_user_who_does_not_exist_is_neither_compared_nor_rebuilt():
    pk = key_of_nobody()
    for verb in (rebuild, lambda user: list(reconcile(user))):
        with pytest.raises(UnknownUserError) as refusal:
            verb(pk)

        assert str(refusal.value) == f"No user has the primary key {pk!r}."


def key_of_nobody():
    """Return a primary key that no user has."""
    return uuid.uuid4() if uses_uuids() else 2_000_000_000


def uses_uuids():
    return isinstance(get_user_model()._meta.pk.get_default(), uuid.UUID)


def deleted_user():
    user = UserFactory()
    user.delete()
    # Leaderboards would now forget the user, which is not what these tests look at.
    PendingScore.objects.latest("id").delete()
    return user


NOBODY = {
    "anonymous": AnonymousUser,
    "unsaved": lambda: get_user_model()(pk=None, username="unsaved"),
    "deleted": deleted_user,
    "unknown": key_of_nobody,
    "None": lambda: None,
    "True": lambda: True,
    "0": lambda: 0,
    "-1": lambda: -1,
    "10**24": lambda: 10**24,
    "5,000 digits": lambda: "9" * 5_000,
    "2**63": lambda: 2**63,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "empty": lambda: "",
    "a word": lambda: "somebody",
    "NUL": lambda: "a\0b",
    "surrogate": lambda: "\ud800",
    "a list": lambda: [1],
}

VERBS = {
    "record_activity": lambda user: record_activity(user, "walk"),
    "record an unknown activity": lambda user: record_activity(user, "fly"),
    "record_activities": lambda user: record_activities([ActivityRecord(user, "walk")]),
    "award_achievement": lambda user: award_achievement(user, "first_kpi"),
    "revoke_achievement": lambda user: revoke_achievement(user, "first_kpi"),
    "adjust_xp": lambda user: adjust_xp(user, amount=1, note="Sorry."),
    "take XP": lambda user: adjust_xp(user, amount=-1, note="Sorry."),
    "reverse_entry": lambda user: reverse_entry(user, entry_id=1),
    "reverse_source": lambda user: reverse_source(user, source="visions.kpi:1"),
    "set_visibility": lambda user: set_visibility(user, is_public=False),
    "set_time_zone": lambda user: set_time_zone(user, "Asia/Tokyo"),
    "explain_achievement": lambda user: explain_achievement(user, "first_kpi"),
    "rebuild": rebuild,
}


@pytest.mark.parametrize("nobody", NOBODY.values(), ids=NOBODY)
def test_only_a_user_is_recorded_for(nobody):
    with pytest.raises(UnknownUserError):
        record_activity(nobody(), "walk")


@pytest.mark.parametrize(
    ("nobody", "message"),
    [
        ("anonymous", "An anonymous user has no game: pass a user who has signed in."),
        ("unsaved", "'unsaved' has no primary key: save the user first."),
        ("None", "None is neither a user nor the primary key of one."),
        ("a list", "[1] is neither a user nor the primary key of one."),
        ("a word", "No user has the primary key 'somebody'."),
        ("NUL", r"No user has the primary key 'a\x00b'."),
    ],
)
def test_an_error_says_why_somebody_is_no_user(nobody, message):
    with pytest.raises(UnknownUserError) as refusal:
        record_activity(NOBODY[nobody](), "walk")

    assert str(refusal.value) == message


def test_an_error_names_the_primary_key_that_no_user_has():
    nobody = key_of_nobody()

    with pytest.raises(UnknownUserError) as refusal:
        record_activity(nobody, "walk")

    assert str(refusal.value) == f"No user has the primary key {nobody!r}."


@pytest.mark.parametrize(
    "disguise",
    [
        lambda user: Achievement(pk=user.pk),
        lambda user: str(user.pk).encode(),
        lambda user: [user.pk],
        lambda user: {user.pk: 1},
        lambda user: getattr(user.pk, "int", user.pk) + 0.5,
    ],
    ids=["another model", "bytes", "a list", "a dict", "a fraction"],
)
def test_nobody_is_taken_for_a_user(user, disguise):
    with pytest.raises(UnknownUserError):
        record_activity(disguise(user), "walk")


@pytest.mark.parametrize("nobody", ["anonymous", "unknown", "a word", "True"])
@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_every_verb_refuses_an_unknown_user(verb, nobody):
    with pytest.raises(UnknownUserError):
        verb(NOBODY[nobody]())


@pytest.mark.parametrize("nobody", ["anonymous", "a word", "True"])
@pytest.mark.parametrize(
    "verb",
    [
        lambda actor, user: adjust_xp(user, amount=1, note="Sorry.", actor=actor),
        lambda actor, user: award_achievement(user, "first_kpi", actor=actor),
        lambda actor, user: revoke_achievement(user, "first_kpi", actor=actor),
        lambda actor, user: reverse_entry(user, entry_id=1, actor=actor),
        lambda actor, user: reverse_source(user, source="a", actor=actor),
    ],
    ids=["adjust", "award", "revoke", "reverse entry", "reverse source"],
)
def test_an_actor_is_a_user(user, verb, nobody):
    with pytest.raises(UnknownUserError):
        verb(NOBODY[nobody](), user)


def test_a_refused_batch_writes_nothing(user):
    records = [ActivityRecord(user, "walk"), ActivityRecord(user, "walk", quantity=0)]

    with pytest.raises(InvalidQuantityError):
        record_activities(records)


def test_refused_records_alone_write_nothing(user):
    refused = []
    records = [
        ActivityRecord(user, "fly"),
        ActivityRecord(user, "walk", key=""),
        ActivityRecord(AnonymousUser(), "walk"),
    ]

    record_activities(records, refused=lambda *error: refused.append(error))

    assert [(position, error.code) for position, error in refused] == [
        (0, "unknown_activity"),
        (1, "invalid_key"),
        (2, "unknown_user"),
    ]


@pytest.fixture
def keys_are_texts(monkeypatch, swap_key):
    """Let sessions stand for users whose primary key is a text."""
    monkeypatch.setattr(validation, "user_model", lambda: Session)
    swap_key(Session._meta.pk)


@pytest.mark.parametrize("key", ["a\0b", "\ud800", "k" * 41], ids=ascii)
@pytest.mark.usefixtures("keys_are_texts")
def test_a_key_of_a_user_is_a_text_that_can_be_stored(key):
    with pytest.raises(UnknownUserError):
        validation.user_id_of(key)


@pytest.mark.usefixtures("keys_are_texts")
def test_a_key_of_a_user_may_be_a_text():
    assert validation.user_id_of("é 🦉") == "é 🦉"


def test_another_spelling_of_a_key_is_nobody(swap_key, user):
    swap_key(CharField(max_length=50, db_collation="NOCASE"))

    # The database finds the user, whose key is no text.
    with pytest.raises(UnknownUserError):
        validation.user_id_of(str(user.pk))
    assert validation.user_id_of(key := str(key_of_nobody())) == key
