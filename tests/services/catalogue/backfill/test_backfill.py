from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model

from gamification.domain.estimates import Estimate
from gamification.exceptions import (
    AchievementNotActiveError,
    InvalidTextError,
    StorageError,
    UnknownAchievementError,
    UnknownUserError,
)
from gamification.models import (
    Achievement,
    Celebration,
    LedgerEntry,
    UserAchievement,
    UserGamification,
)
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    effects,
    record_activities,
    record_activity,
    reverse_entry,
    reverse_source,
    revoke_achievement,
    set_time_zone,
)
from gamification.services.catalogue.backfill import awarding
from gamification.services.unit_of_work import attempts
from gamification.staff import backfill_achievement, backfill_everyone, preview_backfill
from gamification.storage import Store
from gamification.testing import captured_signals
from gamification.values import BackfillProgress
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import (
    everything,
    held_by,
    ledger_of,
    profile_of,
    statements,
)
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

#: When the users' days begin that are told here.
FIRST = datetime(2026, 1, 1, 9, tzinfo=UTC)


def at(day):
    """Return nine o'clock of that day of January."""
    return FIRST + timedelta(days=day - 1)


def walk(user, *days, **options):
    """Let ``user`` walk on these days of January, long before anything is earned."""
    return [
        record_activity(
            user, "walk", occurred_at=at(day), historical=True, **options
        ).entry
        for day in days
    ]


def walkers(*lengths):
    """Return users, in order of their keys, who walked on so many days in a row."""
    users = UserFactory.create_batch(len(lengths))
    users.sort(key=lambda user: user.pk)
    record_activities(
        (
            ActivityRecord(user, "walk", at(day))
            for user, length in zip(users, lengths, strict=True)
            for day in range(1, length + 1)
        ),
        historical=True,
        celebrate=False,
    )
    return users


def walker_medal(threshold=2, **fields):
    fields = {"key": "walker", "criterion": "active_days", "xp_reward": 50} | fields
    return AchievementFactory(threshold=threshold, **fields)


def unlocked_at(user, key="walker"):
    return UserAchievement.objects.get(user=user, achievement__key=key).unlocked_at


# Preview


def test_a_preview_has_the_users_and_the_cost():
    _, two, three = walkers(1, 2, 3)
    walker_medal(2, xp_reward=40)

    preview = preview_backfill("walker")

    assert (preview.users, preview.xp, preview.sample) == (2, 80, (two, three))


def test_a_user_for_whom_nothing_was_recorded_earns_nothing(user):
    set_time_zone(user, "Asia/Tokyo")
    reverse_source(user, source="kpi:1")
    walker_medal(1, criterion="level")

    preview, progress = preview_backfill("walker"), backfill_everyone("walker")

    assert (preview.users, progress.awarded, held_by(user)) == (0, 0, set())


def test_a_preview_changes_nothing():
    walkers(1, 2, 3)
    walker_medal(2)
    before = everything()

    preview_backfill("walker")

    assert everything() == before


def test_a_preview_shows_some_of_many():
    users = walkers(*[1] * 12)
    walker_medal(1)

    assert preview_backfill("walker").sample == tuple(users[:10])
    assert preview_backfill("walker", sample=3).sample == tuple(users[:3])
    assert preview_backfill("walker", sample=0).sample == ()


def test_a_user_who_holds_it_or_lost_it_would_not_get_it():
    holder, loser, other = walkers(2, 2, 2)
    walker_medal(2)
    for user in (holder, loser):
        award_achievement(user, "walker")
    revoke_achievement(loser, "walker")

    assert preview_backfill("walker").sample == (other,)


@pytest.fixture
def facts(activity):
    """Give users 1 to 3 of everything that is measured; return them."""
    ActivityFactory(key="rest", xp_reward=0, extends_streak=False)
    users = walkers(1, 2, 3)
    levels = (0, 50, 150)
    for number, user in enumerate(users, 1):
        record_activity(user, "rest", quantity=number)
        short = levels[number - 1] - profile_of(user).total_xp
        adjust_xp(user, amount=max(short, 1), note="Up to a level.")
    for number in range(3):
        AchievementFactory(key=f"medal_{number}", xp_reward=0)
        for user in users[number:]:
            award_achievement(user, f"medal_{number}")
    return users


MEASURES = ["activity_count", "active_days", "longest_streak", "level", "achievements"]


@pytest.mark.parametrize("criterion", MEASURES)
@pytest.mark.parametrize("threshold", [1, 2, 3, 4])
def test_every_criterion_finds_the_users_who_meet_it(
    facts, activity, criterion, threshold
):
    counted = activity if criterion == "activity_count" else None
    AchievementFactory(
        key="new", criterion=criterion, threshold=threshold, activity=counted
    )
    expected = tuple(facts[threshold - 1 :])

    preview = preview_backfill("new")
    backfill_achievement("new")

    assert preview.sample == expected
    assert tuple(user for user in facts if "new" in held_by(user)) == expected


def test_a_total_finds_the_users_who_have_it(facts):
    AchievementFactory(key="new", criterion="total_xp", threshold=50)

    preview = preview_backfill("new")
    progress = backfill_achievement("new")

    assert (preview.sample, progress.awarded) == (tuple(facts[1:]), 2)


def test_nobody_qualifies_for_an_achievement_awarded_by_hand(facts):
    AchievementFactory(key="medal")

    assert preview_backfill("medal").users == 0
    assert backfill_achievement("medal") == BackfillProgress()


def rested(xp):
    """Return a user with one active day and this total."""
    user = UserFactory()
    record_activity(user, "rest")
    if xp < 0:
        award_achievement(user, "loan")
        adjust_xp(user, amount=xp, note="Spent.")
        revoke_achievement(user, "loan")
    elif xp:
        adjust_xp(user, amount=xp, note="A gift.")
    return user


def test_users_whom_the_reward_lifts_over_a_threshold_change_level():
    ActivityFactory(key="rest", xp_reward=0)
    AchievementFactory(key="loan")
    for xp in (-50, -30, 0, 9, 10, 49, 50, 109, 110, 149, 150, 21_750):
        rested(xp)
    walker_medal(1, xp_reward=40)

    # Level 2 begins at 50 XP, level 3 at 150, and nobody falls below level 1.
    assert preview_backfill("walker").level_changes == len([10, 49, 110, 149])


def test_a_reward_of_nothing_changes_no_level():
    walkers(1, 5)

    preview = preview_backfill(walker_medal(1, xp_reward=0))

    assert (preview.users, preview.xp, preview.level_changes) == (2, 0, 0)


def test_levels_change_by_the_thresholds_of_the_site(site):
    walkers(1, 2)
    site.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 25)}
    walker_medal(1, xp_reward=10)

    assert preview_backfill("walker").level_changes == 1


def test_without_levels_nobody_changes_level(site):
    walkers(1)
    site.GAMIFICATION = {"LEVEL_THRESHOLDS": (0,)}

    assert preview_backfill(walker_medal(1)).level_changes == 0


def test_a_draft_has_a_preview():
    walkers(2)
    walker_medal(2, status="draft")

    assert preview_backfill("walker").users == 1


def test_a_definition_that_was_never_saved_has_a_preview(activity):
    users = walkers(1, 2)
    draft = AchievementFactory.build(
        criterion="activity_count", activity=activity, threshold=2, xp_reward=7
    )

    preview = preview_backfill(draft)

    assert (preview.sample, preview.xp) == (tuple(users[1:]), 7)
    assert not Achievement.objects.exists()


def test_an_edited_definition_has_a_preview_before_it_is_saved():
    _, two, three = walkers(1, 2, 3)
    medal = walker_medal(3)
    award_achievement(three, "walker")
    medal.threshold, medal.xp_reward = 2, 9

    preview = preview_backfill(medal)

    assert (preview.sample, preview.xp) == ((two,), 9)
    assert preview_backfill("walker").users == 0


def test_a_preview_of_what_does_not_exist_is_refused():
    with pytest.raises(
        UnknownAchievementError, match=r"^No achievement has the key 'nothing'\.$"
    ):
        preview_backfill("nothing")


@pytest.mark.parametrize("criterion", [*MEASURES, "total_xp"])
def test_a_preview_takes_as_many_queries_for_more_users(activity, criterion):
    medal = AchievementFactory(key="held").key
    counted = activity if criterion == "activity_count" else None
    AchievementFactory(key="new", criterion=criterion, activity=counted)
    counts = []
    for more in (1, 30):
        first, *_ = walkers(*[2] * more)
        award_achievement(first, medal)
        counts.append(statements(lambda: preview_backfill("new")))

    assert counts[1] <= counts[0] <= 10


def test_where_nobody_earns_it_nobody_is_looked_for(
    activity, django_assert_num_queries
):
    AchievementFactory(key="new", criterion="total_xp")

    with django_assert_num_queries(2):
        assert preview_backfill("new").sample == ()


def test_a_preview_has_what_follows():
    walkers(1, 2, 2)
    walker_medal(2, xp_reward=40)
    AchievementFactory(
        key="rich", name="Rich", criterion="level", threshold=2, xp_reward=100
    )
    AchievementFactory(key="days", name="A day", criterion="active_days", xp_reward=7)

    preview = preview_backfill("walker")

    # With 60 XP both reach level 2, which earns 100; a day was met from the first.
    assert (preview.users, preview.xp, preview.level_changes) == (2, 294, 2)
    exactly = Estimate(2, 2, 2)
    assert preview.also == [("days", "A day", exactly), ("rich", "Rich", exactly)]


def test_a_total_that_cannot_be_kept_is_not_announced():
    rich, _ = walkers(2, 2)
    adjust_xp(rich, amount=2**53 - 20, note="All there is.")
    walker_medal(2)

    assert preview_backfill("walker").users == backfill_achievement("walker").awarded


def test_of_very_many_users_a_sample_is_played(monkeypatch):
    monkeypatch.setattr(effects, "MOST", 4)
    walkers(*range(1, 9))
    walker_medal(1, xp_reward=0)
    AchievementFactory(key="rich", criterion="total_xp", threshold=50, xp_reward=100)

    found = preview_backfill("walker").effects

    assert (found.played, found.population, found.is_exact) == (4, 8, False)
    assert found.users == Estimate.exactly(8)
    assert found.xp.low < 400 < found.xp.high


def test_what_takes_long_is_cut_short(monkeypatch):
    monkeypatch.setattr(effects, "TIME", -1)
    monkeypatch.setattr(effects, "USERS_AT_ONCE", 2)
    walkers(*[1] * 5)
    walker_medal(1)

    found = preview_backfill("walker").effects

    assert (found.played, found.population, found.users.value) == (2, 5, 5)


# Award


def test_an_award_gives_it_to_all_who_earned_it():
    one, two, three = walkers(1, 2, 3)
    walker_medal(2, xp_reward=50)

    progress = backfill_achievement("walker")

    assert progress == BackfillProgress(awarded=2, xp=100)
    assert [held_by(user) for user in (one, two, three)] == [
        set(),
        {"walker"},
        {"walker"},
    ]
    assert [profile_of(user).total_xp for user in (one, two, three)] == [10, 70, 80]


def test_it_is_unlocked_as_of_when_it_was_earned():
    [user] = walkers(4)
    walker_medal(2)

    backfill_achievement("walker")

    assert unlocked_at(user) == at(2)
    entry = ledger_of(user)[-1]
    assert (entry.kind, entry.amount) == ("achievement", 50)
    assert (entry.occurred_at, entry.local_date) == (at(2), date(2026, 1, 2))
    assert entry.recorded_at == NOW


def test_late_records_and_reversals_tell_when_it_was_earned(user, activity):
    mistake, *_ = walk(user, 3, 9, 1, 7)
    reverse_entry(user, entry_id=mistake.id)
    AchievementFactory(
        key="walker", criterion="activity_count", activity=activity, threshold=2
    )

    backfill_achievement("walker")

    assert unlocked_at(user) == at(7)


def test_the_date_is_the_users_own(user, server_clock):
    server_clock.move_to(at(1))
    set_time_zone(user, "Pacific/Kiritimati")
    server_clock.move_to(NOW)
    walk(user, 1)
    record_activity(
        user, "walk", occurred_at=at(2) + timedelta(hours=5), historical=True
    )
    walker_medal(2)

    backfill_achievement("walker")

    # Kiritimati is 14 hours ahead.
    assert ledger_of(user)[-1].local_date == date(2026, 1, 3)


def test_a_streak_is_earned_where_the_first_run_of_its_length_ends(user):
    walk(user, 1, 2, 6, 7, 8, 20, 21, 22)
    walker_medal(3, criterion="longest_streak")

    backfill_achievement("walker")

    assert unlocked_at(user) == at(8)


@pytest.mark.parametrize(
    ("criterion", "threshold"), [("total_xp", 50), ("level", 2), ("achievements", 1)]
)
def test_xp_levels_and_achievements_are_earned_where_the_ledger_says(
    user, criterion, threshold
):
    walker_medal(4, key="early", xp_reward=10)
    walk(user, 1, 2, 3, 4, 5, 6)
    walker_medal(threshold, criterion=criterion)

    backfill_achievement("walker")

    assert unlocked_at(user) == at(4)


def test_an_achievement_that_the_ledger_does_not_date_is_unlocked_now(user, site):
    # The level that is stored is the one that was reached under other thresholds.
    site.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 10)}
    walk(user, 1)
    site.GAMIFICATION = {}
    walker_medal(2, criterion="level", xp_reward=100)

    backfill_achievement("walker")

    assert unlocked_at(user) == NOW


def test_an_award_unlocks_what_follows_as_of_when_it_did(user):
    walk(user, 1, 2, 3)
    walker_medal(1, xp_reward=20)
    walker_medal(2, key="second", criterion="level", xp_reward=5)
    walker_medal(2, key="collector", criterion="achievements", xp_reward=1)

    progress = backfill_achievement("walker")

    assert progress == BackfillProgress(awarded=1, xp=26, followed=2)
    # 30 XP on the 1st with the reward, 50 with the walk of the 3rd.
    assert unlocked_at(user) == at(1)
    assert unlocked_at(user, "second") == unlocked_at(user, "collector") == at(3)
    assert profile_of(user).level == 2


def test_the_order_of_awards_does_not_matter():
    first, second = walkers(3, 3)
    walker_medal(2, key="days", xp_reward=20)
    walker_medal(20, key="xp", criterion="total_xp", xp_reward=20)

    backfill_achievement("days", limit=1)
    backfill_achievement("xp", after=first.pk)

    for user in (first, second):
        assert unlocked_at(user, "days") == unlocked_at(user, "xp") == at(2)


def test_an_achievement_met_by_the_xp_of_an_award_is_dated_by_it():
    [user] = walkers(3)
    walker_medal(1, key="day", xp_reward=20)
    walker_medal(30, key="xp", criterion="total_xp")

    backfill_achievement("day")

    # It was met on the 3rd, and with the reward on the 1st.
    assert unlocked_at(user, "xp") == at(1)


def test_the_reward_has_actor_and_note(user, staff):
    walk(user, 1, 2)
    walker_medal(2)

    backfill_achievement("walker", actor=staff, note="For the old days.")

    entry = ledger_of(user)[-1]
    assert (entry.actor, entry.note) == (staff, "For the old days.")


def test_an_award_is_silent(django_capture_on_commit_callbacks):
    walkers(2, 2)
    walker_medal(2)

    with captured_signals() as heard, django_capture_on_commit_callbacks(execute=True):
        backfill_achievement("walker")

    assert (heard, Celebration.objects.count()) == ([], 0)


def test_an_award_may_be_celebrated(django_capture_on_commit_callbacks):
    users = walkers(2, 2)
    walker_medal(2)

    with captured_signals() as heard, django_capture_on_commit_callbacks(execute=True):
        backfill_achievement("walker", celebrate=True)

    assert [(name, arguments["user_id"]) for name, arguments in heard] == [
        (name, user.pk)
        for user in users
        for name in ("achievement_unlocked", "level_changed")
    ]
    shown = [notice.id for notice in heard[0][1]["outcome"].celebrations]
    assert shown == [
        row.pk for row in users[0].gamification_celebrations.order_by("pk")
    ]
    keys = {row.dedupe_key for row in Celebration.objects.all()}
    assert keys == {"achievement:walker", "level:2"}


def test_a_level_celebrated_before_is_not_celebrated_again(user):
    AchievementFactory(key="loan", xp_reward=50)
    award_achievement(user, "loan")
    revoke_achievement(user, "loan")
    walk(user, 1, 2)
    walker_medal(2)
    UserGamification.objects.update(highest_level=1)

    backfill_achievement("walker", celebrate=True)
    UserGamification.objects.update(highest_level=2)

    keys = user.gamification_celebrations.order_by("pk").values_list(
        "dedupe_key", flat=True
    )
    assert [*keys] == ["achievement:loan", "level:2", "achievement:walker"]


def test_an_award_again_changes_nothing():
    walkers(2, 3)
    walker_medal(2)
    backfill_achievement("walker")
    before = everything()

    assert backfill_achievement("walker") == BackfillProgress()
    assert everything() == before


def test_an_award_goes_on_where_it_stopped():
    users = walkers(*[2] * 5)
    walker_medal(2)

    first = backfill_achievement("walker", limit=2)
    second = backfill_achievement("walker", after=first.after, limit=2)
    third = backfill_achievement("walker", after=second.after, limit=2)

    assert first == BackfillProgress(2, 100, 0, remaining=3, after=users[1].pk)
    assert second == BackfillProgress(2, 100, 0, remaining=1, after=users[3].pk)
    assert third == BackfillProgress(1, 50, 0, remaining=0, after=None)


def test_a_last_batch_that_is_full_is_known_to_be_the_last():
    walkers(2, 2)
    walker_medal(2)

    assert backfill_achievement("walker", limit=2).after is None


def test_a_batch_whose_answer_was_lost_may_be_tried_again():
    walkers(*[2] * 4)
    walker_medal(2)
    first = backfill_achievement("walker", limit=2)
    backfill_achievement("walker", after=first.after, limit=2)
    before = everything()

    again = backfill_achievement("walker", after=first.after, limit=2)

    assert (again, everything()) == (BackfillProgress(), before)


def test_the_user_after_whom_to_go_on_may_be_written_as_text():
    users = walkers(2, 2)
    walker_medal(2)

    assert backfill_achievement("walker", after=str(users[0].pk)).awarded == 1


def test_all_are_awarded_batch_by_batch(monkeypatch):
    monkeypatch.setattr(awarding, "USERS_AT_ONCE", 2)
    users = walkers(*[2] * 7)
    walker_medal(2)
    seen = []

    total = backfill_everyone("walker", batch_size=3, progress=seen.append)

    assert total == BackfillProgress(awarded=7, xp=350)
    assert [(batch.awarded, batch.remaining) for batch in seen] == [
        (3, 4),
        (3, 1),
        (1, 0),
    ]
    assert {*map(unlocked_at, users)} == {at(2)}


def test_all_may_be_nobody():
    walker_medal(2)

    assert backfill_everyone("walker") == BackfillProgress()


def test_a_backfill_that_broke_off_is_finished_by_the_next(monkeypatch):
    monkeypatch.setattr(awarding, "USERS_AT_ONCE", 2)
    users, ledgers = walkers(*[2] * 5), Store.ledgers
    walker_medal(2)

    def break_off(store, user_ids):
        if users[3].pk in user_ids:
            raise StorageError
        return ledgers(store, user_ids)

    monkeypatch.setattr(Store, "ledgers", break_off)
    with pytest.raises(StorageError):
        backfill_everyone("walker")
    monkeypatch.setattr(Store, "ledgers", ledgers)
    held = [bool(held_by(user)) for user in users]

    assert backfill_everyone("walker").awarded == 3
    assert held == [True, True, False, False, False]


def test_a_total_that_cannot_be_kept_keeps_nobody_else_waiting():
    rich, other = walkers(2, 2)
    adjust_xp(rich, amount=2**53 - 20, note="All there is.")
    walker_medal(2)

    assert backfill_achievement("walker").awarded == 1
    assert (held_by(rich), held_by(other)) == (set(), {"walker"})


def meanwhile(monkeypatch, work):
    """Do ``work`` after it was seen who qualifies, before they are locked."""

    def attempts_late(*arguments):
        work()
        return attempts(*arguments)

    monkeypatch.setattr(awarding, "attempts", attempts_late)


def test_users_who_got_it_or_lost_it_or_left_meanwhile_are_skipped(monkeypatch):
    lucky, loser, gone, other = walkers(2, 2, 2, 2)
    walker_medal(2)

    def work():
        award_achievement(lucky, "walker")
        award_achievement(loser, "walker")
        revoke_achievement(loser, "walker")
        get_user_model().objects.get(pk=gone.pk).delete()

    meanwhile(monkeypatch, work)

    assert backfill_achievement("walker") == BackfillProgress(awarded=1, xp=50)
    assert [entry.amount for entry in ledger_of(lucky)][2:] == [50]
    assert (held_by(loser), held_by(other)) == (set(), {"walker"})


def test_a_user_who_stopped_qualifying_meanwhile_is_skipped(
    monkeypatch, user, activity
):
    entry, _ = walk(user, 1, 2)
    walker_medal(2)
    meanwhile(monkeypatch, lambda: reverse_entry(user, entry_id=entry.id))

    assert backfill_achievement("walker") == BackfillProgress()


def test_an_edit_meanwhile_counts(monkeypatch, activity):
    users = walkers(2, 3)
    walker_medal(2)
    edited = {
        "criterion": "activity_count",
        "activity": activity,
        "threshold": 3,
        "xp_reward": 7,
    }
    meanwhile(monkeypatch, lambda: Achievement.objects.update(**edited))

    assert backfill_achievement("walker") == BackfillProgress(awarded=1, xp=7)
    assert (held_by(users[0]), unlocked_at(users[1])) == (set(), at(3))


def test_an_achievement_retired_meanwhile_is_given_to_nobody(monkeypatch):
    walkers(2, 2)
    walker_medal(2)
    meanwhile(monkeypatch, lambda: Achievement.objects.update(status="retired"))

    assert backfill_achievement("walker") == BackfillProgress()
    assert not UserAchievement.objects.exists()


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_only_an_active_achievement_is_backfilled(status):
    walkers(2)
    walker_medal(2, status=status)

    with pytest.raises(AchievementNotActiveError) as refusal:
        backfill_achievement("walker")

    assert refusal.value.context == {"achievement": "walker"}
    assert not UserAchievement.objects.exists()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"achievement": "nothing"}, UnknownAchievementError),
        ({"achievement": "\0"}, UnknownAchievementError),
        ({"actor": 10**6}, UnknownUserError),
        ({"after": "nobody"}, UnknownUserError),
        ({"note": "\0"}, InvalidTextError),
        ({"note": "x" * 2_001}, InvalidTextError),
        ({"limit": 0}, ValueError),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(options, error):
    walkers(2)
    walker_medal(2)

    with pytest.raises(error):
        backfill_achievement(**{"achievement": "walker"} | options)

    assert not UserAchievement.objects.exists()


def test_a_batch_of_nobody_is_refused():
    walker_medal(2)

    with pytest.raises(ValueError, match=r"^A batch has at least 1 user, not 0\.$"):
        backfill_everyone("walker", batch_size=0)


@pytest.mark.parametrize("count", [1, 40])
def test_ledgers_are_read_at_once(count):
    walkers(*[2] * count)
    walker_medal(2)

    reads = statements(
        lambda: backfill_achievement("walker"), f'FROM "{LedgerEntry._meta.db_table}"'
    )

    # Their lengths, and then all short ones.
    assert reads == 2


def test_a_batch_takes_no_more_statements_for_more_users():
    def award(key):
        walkers(*[2] * 12)
        walker_medal(2, key=key, xp_reward=1)
        record_activity(UserFactory(), "walk")
        return statements(lambda: backfill_achievement(key))

    few, more, many = award("few"), award("more"), award("many")

    # The portable store writes users one by one.
    assert many - more == more - few
    assert not IS_POSTGRESQL or few == many
