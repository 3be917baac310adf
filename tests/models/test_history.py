from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from gamification.leaderboards import tend_boards
from gamification.maintenance import (
    reconcile,
)
from gamification.models import (
    Celebration,
    LedgerEntry,
    Level,
    UserAchievement,
    UserGamification,
)
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    reverse_entry,
    revoke_achievement,
    set_time_zone,
)
from gamification.staff import (
    Act,
    begin_list,
    create_achievement,
    create_boost,
    exclude_user,
    grant_freezes,
    pause_streak,
    repair_streak,
)
from gamification.storage.postgresql import changed
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, violates

pytestmark = pytest.mark.django_db


@pytest.fixture
def progress_is_made_anew(db):
    """Let a test write rows by hand that progress does not know of."""
    yield
    if not connection.needs_rollback:
        list(reconcile(fix=True))


BY_HAND = pytest.mark.usefixtures("progress_is_made_anew")


def entry_of(user, **fields):
    defaults = {
        "kind": "adjustment",
        "amount": 0,
        "occurred_at": timezone.now(),
        "local_date": date(2026, 6, 10),
    }
    return LedgerEntry(user=user, **{**defaults, **fields})


@BY_HAND
def test_a_key_is_used_once_by_a_user(user):
    entry_of(user, key="a").save()

    assert violates("gamification_ledgerentry_key", entry_of(user, key="a").save)


@BY_HAND
def test_users_may_use_the_same_key(user):
    entry_of(user, key="a").save()
    entry_of(UserFactory(), key="a").save()

    assert LedgerEntry.objects.filter(key="a").count() == 2


@BY_HAND
def test_entries_without_a_key_are_many(user):
    entry_of(user).save()
    entry_of(user).save()

    assert LedgerEntry.objects.filter(user=user, key=None).count() == 2


@BY_HAND
def test_an_entry_is_reversed_once(user):
    entry_of(user, kind="reversal", reverses=7).save()

    second = entry_of(user, kind="reversal", reverses=7)
    assert violates("gamification_ledgerentry_reverses", second.save)


def test_a_reversal_names_what_it_reverses(user):
    reversal = entry_of(user, kind="reversal")

    assert violates("gamification_ledgerentry_reversal", reversal.save)


@pytest.mark.parametrize("kind", ["activity", "achievement", "adjustment"])
def test_only_a_reversal_reverses(user, kind):
    entry = entry_of(user, kind=kind, reverses=7)

    assert violates("gamification_ledgerentry_reversal", entry.save)


def test_a_correction_names_what_it_corrects(user):
    correction = entry_of(user, kind="correction")

    assert violates("gamification_ledgerentry_correction", correction.save)


@pytest.mark.parametrize("kind", ["activity", "achievement", "adjustment"])
def test_only_a_correction_corrects(user, kind):
    entry = entry_of(user, kind=kind, corrects=7)

    assert violates("gamification_ledgerentry_correction", entry.save)


@BY_HAND
def test_an_entry_is_corrected_as_often_as_needed(user):
    entry_of(user, kind="correction", corrects=7).save()
    entry_of(user, kind="correction", corrects=7).save()

    assert LedgerEntry.objects.filter(user=user, corrects=7).count() == 2


NEVER_EDITED = r"^A ledger entry is never edited; reverse it instead\.$"
NEVER_DELETED = r"^A ledger entry is deleted only with its user; reverse it instead\.$"


@pytest.fixture
def entry(user, progress_is_made_anew):
    entry = entry_of(user, key="a")
    entry.save()
    return LedgerEntry.objects.get(pk=entry.pk)


def test_an_entry_cannot_be_saved_again(entry):
    entry.amount = 1_000

    with pytest.raises(TypeError, match=NEVER_EDITED):
        entry.save()


def test_an_entry_cannot_be_saved_again_in_parts(entry):
    with pytest.raises(TypeError, match=NEVER_EDITED):
        entry.save(update_fields=["note"])


def test_an_entry_cannot_take_the_place_of_another(user, entry):
    with pytest.raises(IntegrityError), transaction.atomic():
        entry_of(user, id=entry.pk, amount=1_000).save()

    entry.refresh_from_db()
    assert entry.amount == 0


def test_an_entry_cannot_be_deleted(entry):
    with pytest.raises(TypeError, match=NEVER_DELETED):
        entry.delete()


def test_entries_cannot_be_updated(user, entry):
    for entries in (LedgerEntry.objects.all(), user.gamification_entries.all()):
        with pytest.raises(TypeError, match=NEVER_EDITED):
            entries.update(amount=1_000)


def test_entries_cannot_be_updated_in_bulk(entry):
    with pytest.raises(TypeError, match=NEVER_EDITED):
        LedgerEntry.objects.bulk_update([entry], ["amount"])


@pytest.mark.parametrize(
    ("column", "value"), [("amount", 1_000), ("note", "x"), ("actor_id", "user_id")]
)
def test_the_database_itself_refuses_an_edit(entry, column, value):
    value = value if value == "user_id" else repr(value)
    statement = f"UPDATE gamification_ledgerentry SET {column} = {value}"

    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        connection.cursor().execute(statement)


def test_deleting_the_actor_leaves_the_entry(user, staff):
    entry_id = adjust_xp(user, amount=5, note="Well done.", actor=staff).entry.id

    staff.delete()

    entry = LedgerEntry.objects.get(pk=entry_id)
    assert (entry.actor, entry.amount, entry.note) == (None, 5, "Well done.")


def test_entries_cannot_be_deleted(user, entry):
    for entries in (LedgerEntry.objects.all(), user.gamification_entries.all()):
        with pytest.raises(TypeError, match=NEVER_DELETED):
            entries.delete()


@BY_HAND
def test_an_achievement_is_held_once(user):
    medal, now = AchievementFactory(), timezone.now()
    row = {"user": user, "achievement": medal, "unlocked_at": now, "xp_awarded": 0}
    UserAchievement.objects.create(**row)

    assert violates(
        "gamification_userachievement_once",
        lambda: UserAchievement.objects.create(**row),
    )


@BY_HAND
def test_the_number_of_an_unlock_is_at_least_1(user):
    medal, now = AchievementFactory(), timezone.now()
    row = UserAchievement.objects.create(
        user=user, achievement=medal, unlocked_at=now, xp_awarded=0
    )
    row.number = 0

    assert violates("gamification_userachievement_number", row.save)


def test_something_is_celebrated_once(user):
    row = {"user": user, "dedupe_key": "level:2", "expires_at": timezone.now()}
    Celebration.objects.create(kind="level", **row)

    assert violates(
        "gamification_celebration_once",
        lambda: Celebration.objects.create(kind="level", **row),
    )


def celebration_of(user, level=2, **fields):
    later = timezone.now() + timedelta(hours=1)
    defaults = {
        "kind": "level",
        "dedupe_key": f"level:{level}",
        "number": level,
        "expires_at": later,
    }
    return Celebration.objects.create(user=user, **{**defaults, **fields})


def progress_of(user, **columns):
    """Give the user the row of progress that a test is about."""
    UserGamification.objects.create(user=user, **columns)


@BY_HAND
def test_a_celebration_neither_shown_nor_expired_is_pending(user):
    progress_of(user, level=9)
    waiting = celebration_of(user)
    celebration_of(user, 3, acknowledged_at=timezone.now())
    celebration_of(user, 4, expires_at=timezone.now() - timedelta(hours=1))

    assert list(Celebration.objects.pending()) == [waiting]


@BY_HAND
def test_a_level_that_was_lost_does_not_hold(user):
    progress_of(user, level=3, highest_level=4)
    levels = [celebration_of(user, level) for level in (2, 3, 4)]

    assert list(Celebration.objects.holding()) == levels[:2]


@BY_HAND
def test_a_streak_that_was_lost_does_not_hold(user):
    progress_of(user, longest_streak=7, highest_streak=14)
    streaks = [
        celebration_of(user, days, kind="streak", dedupe_key=f"streak:{days}")
        for days in (3, 7, 14)
    ]

    assert list(Celebration.objects.holding()) == streaks[:2]


@BY_HAND
@pytest.mark.parametrize(
    ("status", "revoked_at", "holds"),
    [
        ("active", None, True),
        ("retired", None, True),
        ("draft", None, False),
        ("active", timezone.now(), False),
    ],
)
def test_an_achievement_holds_while_it_is_held_and_no_draft(
    user, status, revoked_at, holds
):
    medal = AchievementFactory(status=status)
    UserAchievement.objects.create(
        user=user,
        achievement=medal,
        unlocked_at=timezone.now(),
        xp_awarded=0,
        revoked_at=revoked_at,
    )
    celebration_of(user, kind="achievement", number=None, achievement=medal)

    assert Celebration.objects.holding().exists() is holds


def test_an_achievement_that_others_hold_does_not_hold(user):
    award_achievement(UserFactory(), AchievementFactory().key, celebrate=False)
    [medal] = UserAchievement.objects.values_list("achievement", flat=True)

    celebration_of(user, kind="achievement", achievement_id=medal)

    assert not Celebration.objects.holding().exists()


def test_a_celebration_that_no_screen_shows_is_unclaimed(user):
    now = timezone.now()
    claims = (None, now - timedelta(seconds=1), now + timedelta(minutes=1))
    free, over, _ = [
        celebration_of(user, level, claimed_until=until)
        for level, until in enumerate(claims, 2)
    ]

    assert list(Celebration.objects.unclaimed()) == [free, over]


UNLOCK = {"achievement": "medal", "name": "Medal", "icon": "", "xp": 50}


@pytest.mark.parametrize(
    ("kind", "data", "title", "text"),
    [
        (
            "level",
            {"from": 1, "to": 2, "levels": [2]},
            "Level 2",
            "You reached level 2.",
        ),
        (
            "level",
            {"from": 1, "to": 4, "levels": [2, 3, 4]},
            "Level 4",
            "You rose from level 1 to level 4.",
        ),
        ("streak", {"days": 1}, "1-day streak", "You were active on 1 day."),
        ("streak", {"days": 7}, "7-day streak", "You were active on 7 days in a row."),
        ("achievement", UNLOCK, "Medal", "You unlocked “Medal” and earned 50 XP."),
        ("achievement", {**UNLOCK, "xp": 0}, "Medal", "You unlocked “Medal”."),
    ],
)
def test_a_celebration_has_a_title_and_a_text(kind, data, title, text):
    celebration = Celebration(kind=kind, data=data)

    assert (celebration.title, celebration.text) == (title, text)


def test_history_reads_as_what_happened(user):
    user.username = "ada"
    medal = AchievementFactory(name="Medal")

    assert str(entry_of(user, amount=10)) == "+10 XP · adjustment"
    assert str(entry_of(user, kind="reversal", amount=-10)) == "-10 XP · reversal"
    assert str(UserAchievement(user=user, achievement=medal)) == "ada · Medal"
    assert str(Celebration(user=user, dedupe_key="level:2")) == "ada · level:2"


def add_rules():
    """Add a boost, and an achievement that counts some of what happens."""
    now = timezone.now()
    create_boost(
        actor=None,
        key="weekend",
        name="Weekend",
        factor=2,
        starts_at=now + timedelta(days=1),
        ends_at=now + timedelta(days=2),
        zone="UTC",
    )
    create_achievement(
        actor=None,
        key="busy",
        name="Busy",
        category="mastery",
        criterion="active_days",
        threshold=7,
        counting={"window": {"days": 7}},
    )


@pytest.fixture
def legend(user, staff, activity, monkeypatch):
    """A user with a row in every table."""
    monkeypatch.setattr(changed, "MAX_PENDING", 0)
    AchievementFactory(key="medal")
    add_rules()
    set_time_zone(user, "Asia/Tokyo")
    award_achievement(user, "medal", actor=staff)
    revoke_achievement(user, "medal", actor=staff)
    entry = record_activity(user, "walk", quantity=30, key="a").entry
    record_activity(user, "walk")
    reverse_entry(user, entry_id=entry.id, actor=staff)
    adjust_xp(user, amount=5, note="Sorry.", actor=staff)
    yesterday = timezone.localdate() - timedelta(days=1)
    grant_freezes(user, 1, actor=staff)
    pause_streak(user, yesterday, yesterday, actor=staff)
    repair_streak(user, [yesterday], actor=staff, note="Sorry.")
    exclude_user(user, reason="Odd.", actor=staff)
    Level.objects.create(number=1, threshold=0)
    begin_list(Act(kind="adjustment", amount=5, note="A gift."), [user], actor=staff)
    return user


def test_a_user_takes_all_their_rows_along(legend, activity):
    record_activity(other := UserFactory(), "walk")
    tend_boards()
    empty = {name for name, rows in everything().items() if not rows}
    # The stamp spares reads of PostgreSQL alone.
    stamp = set() if IS_POSTGRESQL else {"CatalogueStamp"}
    assert empty == {"PendingScore"} | stamp

    legend.delete()
    tend_boards()

    left = everything()
    owners = {row.get("user_id") for rows in left.values() for row in rows}
    assert owners == {other._meta.pk.get_db_prep_value(other.pk, connection), None}
    assert list(reconcile()) == []


def test_users_may_be_deleted_together(legend, activity):
    record_activity(UserFactory(), "walk")
    tend_boards()

    type(legend).objects.all().delete()
    tend_boards()

    left = everything()
    assert {name for name, rows in left.items() if rows} - {"CatalogueStamp"} == {
        "Activity",
        "Achievement",
        "Board",
        "Boost",
        "CountFilter",
        "BoardSegment",
        "Job",
        "Level",
        "StreakDefinition",
    }


def test_staff_who_go_leave_what_they_did(legend, staff):
    entries = LedgerEntry.objects.filter(actor=staff).count()
    staff.delete()

    assert entries == 4
    assert LedgerEntry.objects.filter(user=legend, actor=None).count() == 6
    assert UserAchievement.objects.get(user=legend).revoked_by is None
