"""Tests for every host site; ``test_hosts`` runs them once for each site."""

from __future__ import annotations

import io
from datetime import timedelta
from itertools import product

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db.models.signals import post_delete, pre_delete
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from gamification import services, staff
from gamification.admin import GamificationUserAdminMixin
from gamification.exceptions import UnknownUserError
from gamification.leaderboards import get_leaderboard
from gamification.maintenance import rebuild, reconcile
from gamification.models import LedgerEntry, UserGamification
from gamification.models.users import prepare_key
from gamification.testing import (
    assert_progress_matches_ledger,
    record_days,
    restore_catalogue,
)
from gamification.user_lookup import public_name
from tests.api.clients import API
from tests.hosts.site import api_of, create, create_strangers, identity_of, sign_in

pytestmark = pytest.mark.django_db(databases=[*settings.DATABASES])

User = get_user_model()

#: Texts that are neither the key nor the name of a user.
NOBODY = ["9" * 24, "-1", "0", "1e5", "x", "é", "12.5", "usr_"]

#: Texts of this kind that broke something in the past.
CRUEL = ["9" * 24, "xyz", "12.5"]

#: Models with a column of users, and pages in the admin.
PAGES = ("ledgerentry", "userachievement", "celebration", "activitytally", "activeday")
PAGES += ("usergamification",)


class UserAdmin(GamificationUserAdminMixin, admin.ModelAdmin):
    fields = ()


if admin.site.is_registered(User):
    admin.site.unregister(User)
admin.site.register(User, UserAdmin)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Fill the tables, which come without the migrations, once for all tests."""
    with django_db_blocker.unblock():
        restore_catalogue()


@pytest.fixture(autouse=True)
def strangers():
    yield create_strangers()
    assert [str(drift) for drift in reconcile()] == []


@pytest.fixture
def ann(strangers):
    return create("ann")


@pytest.fixture
def bob(ann):
    return create("bob")


@pytest.fixture
def boss(strangers):
    return create("boss", is_staff=True, is_superuser=True)


@pytest.fixture
def page_of(boss):
    """Return what the admin answers to ``boss``."""
    client = sign_in(Client(), boss)
    return lambda path, **data: client.get(f"/admin/gamification/{path}", data)


def recorders():
    return {*LedgerEntry.objects.using("default").values_list("user", flat=True)}


def test_a_record_is_credited_to_the_user_alone(ann, rf: RequestFactory):
    key = identity_of(ann)
    for number, user in enumerate([ann, SimpleLazyObject(lambda: ann), key, str(key)]):
        outcome = services.record_activity(user, "kpi_completed", key=f"k{number}")

        assert outcome.entry.user_id == key
    assert recorders() == {key}
    assert services.get_progress(ann).level.total_xp == 60


def test_a_batch_and_its_replay_are_credited_to_the_users_alone(ann, bob):
    records = [
        services.ActivityRecord(user, "kpi_completed", key=f"{number}")
        for user in (ann, bob, str(identity_of(bob)))
        for number in range(2)
    ]

    first, second = (services.record_activities(records) for _ in range(2))

    assert (first.recorded, first.replayed) == (4, 2)
    assert (second.recorded, second.replayed) == (0, 6)
    assert recorders() == {identity_of(ann), identity_of(bob)}
    assert_progress_matches_ledger(ann)


def test_nobody_is_credited_for_another_key():
    for key in [*NOBODY, 10**24, -1, 10**9, 1.5, None, True, b"1"]:
        with pytest.raises(UnknownUserError):
            services.record_activity(key, "kpi_completed")

    assert recorders() == set()


@pytest.mark.skipif(
    settings.KEY_COLLATION != "NOCASE" or settings.USERS != "people.Reader",
    reason="keys have one spelling",
)
def test_a_key_in_another_spelling_is_nobody(ann):
    services.record_activity(ann, "kpi_completed")
    key = identity_of(ann).swapcase()
    verbs = [services.get_progress, services.get_streaks, rebuild]

    for verb in [*verbs, lambda user: [*reconcile(user)]]:
        with pytest.raises(UnknownUserError):
            verb(key)

    assert User.objects.get(pk=key) == ann


def test_staff_give_and_take(ann, boss):
    services.award_achievement(ann, "first_vision", actor=boss)
    services.adjust_xp(ann, amount=30, actor=boss, note="thanks")
    entry = services.record_activity(ann, "kpi_completed").entry
    services.reverse_entry(ann, entry_id=entry.id, actor=boss)
    services.revoke_achievement(ann, "first_vision", actor=boss, reason="oops")

    actors = (
        LedgerEntry.objects.using("default")
        .exclude(actor=None)
        .values_list("actor", flat=True)
    )
    assert {*actors} == {identity_of(boss)}
    assert recorders() == {identity_of(ann)}
    assert services.get_progress(ann).level.total_xp == 50


def test_a_user_reads_and_chooses(ann):
    services.record_activity(ann, "kpi_completed")
    record_days(ann, "kpi_completed", days=8)
    services.set_time_zone(ann, "Asia/Tokyo")
    services.set_celebration_mode(ann, mode="quiet")
    pending = services.pending_celebrations(ann)
    today = timezone.localdate()

    services.claim_celebration(ann, id=pending[0].pk)

    assert services.acknowledge_celebrations(ann, ids=[pending[0].pk]) == 1
    assert len(services.get_ledger(ann)) == len(
        LedgerEntry.objects.using("default").all()
    )
    assert len(services.get_calendar(ann, since=today - timedelta(9), until=today)) == 8
    assert services.get_progress(ann).celebration_mode == "quiet"
    assert services.explain_achievement(ann, "streak_7").is_unlocked
    assert any(each.unlocked_at for each in services.get_achievements(ann))
    assert UserGamification.objects.using("default").get().user_id == identity_of(ann)


def test_the_leaderboard_ranks_users_by_what_they_earned(ann, bob):
    services.record_activity(ann, "kpi_completed", quantity=3)
    services.record_activity(bob, "kpi_completed")

    board = get_leaderboard("week", around=bob, viewer=ann)

    assert [row.user_id for row in board.entries] == [*map(identity_of, (ann, bob))]
    assert board.me.user_id == identity_of(ann)
    assert identity_of(board.me.user) == identity_of(ann)


@pytest.mark.parametrize("keeps", [True, False])
def test_pages_of_equal_users_have_each_of_them_once(settings, keeps):
    settings.GAMIFICATION = {"KEEP_LEADERBOARDS": keeps}
    users, at = [create(f"{number}") for number in range(9)], timezone.now()
    services.record_activities(
        services.ActivityRecord(user, "kpi_completed", occurred_at=at) for user in users
    )
    pages = [get_leaderboard("week", page_size=3)]
    while cursor := pages[-1].cursor:
        pages.append(get_leaderboard("week", page_size=3, after=cursor))
    by_number = [get_leaderboard("week", page=n, page_size=3) for n in (1, 2, 3)]

    listed = [row.user_id for page in pages for row in page.entries]
    keys = [prepare_key(identity_of(user), "default") for user in users]
    assert [prepare_key(key, "default") for key in listed] == sorted(keys)
    assert [row.user_id for page in by_number for row in page.entries] == listed


def test_staff_tune_and_work_in_steps(ann, bob, boss):
    services.record_activities(
        [services.ActivityRecord(user, "kpi_completed") for user in (ann, bob)]
    )
    staff.create_achievement(
        key="five", name="Five", category="milestones", criterion="total_xp",
        threshold=5, xp_reward=5, actor=boss,
    )  # fmt: skip
    changes = {"xp_reward": 20, "cooldown": 60}
    staff.edit_activity("kpi_completed", actor=boss, expected=None, **changes)
    today = timezone.localdate()
    scope = staff.RecalculationScope(["kpi_completed"], today, today)
    numbers = staff.ActivityNumbers(30, None, 90)
    jobs = [
        staff.begin_backfill("five", actor=boss),
        staff.begin_recalculation(scope, actor=boss),
    ]
    for job in jobs:
        while not (job := staff.run_next_step(job.pk, actor=boss)).finished_at:
            assert not job.error
        assert (job.done, job.actor_id) == (2, identity_of(boss))
    simulated = staff.simulate_rewards(
        staff.RewardProposal(activities={"kpi_completed": numbers})
    )

    assert simulated.activities["kpi_completed"].proposed == 60
    assert recorders() == {identity_of(ann), identity_of(bob)}
    assert staff.get_balance_report()


def test_a_backfill_goes_on_after_a_user(ann, bob, boss):
    for user in (ann, bob):
        services.record_activity(user, "kpi_completed")
    staff.create_achievement(
        key="five", name="Five", category="milestones", criterion="total_xp",
        threshold=5, actor=boss,
    )  # fmt: skip

    first = staff.backfill_achievement("five", limit=1)
    second = staff.backfill_achievement("five", limit=1, after=str(first.after))

    assert (first.awarded, second.awarded, second.after) == (1, 1, None)
    assert len(staff.preview_backfill("five").sample) == 0


def test_progress_is_compared_and_rebuilt(ann, bob):
    for user in (ann, bob):
        services.record_activity(user, "kpi_completed")
    UserGamification.objects.using("default").filter(user=ann).update(total_xp=1)

    [drift] = reconcile(batch_size=1)
    rebuild(ann)

    assert drift.user_id == identity_of(ann)
    assert [*reconcile(ann)] == []
    out = io.StringIO()
    call_command("gamification_reconcile", stdout=out)


def test_an_import_finds_users_by_what_they_sign_in_with(ann, tmp_path):
    login = getattr(ann, User.USERNAME_FIELD)
    file = tmp_path / "history.csv"
    rows = [f"{name},kpi_completed,2024-03-01T12:00:00Z" for name in (login, login)]
    file.write_text("\n".join(["user,activity,occurred_at", *rows]))

    call_command("gamification_import", str(file), stdout=io.StringIO())

    assert recorders() == {identity_of(ann)}


def test_the_api_is_about_the_user_who_signed_in(ann):
    services.record_activity(ann, "kpi_completed")
    client = api_of(ann)

    me = client.get(f"{API}me/").json()
    assert me["total_xp"] == 30
    for path in ("me/ledger/", "me/celebrations/", "me/achievements/"):
        assert client.get(f"{API}{path}").json()["results"]
    today = f"{timezone.localdate()}"
    days = client.get(f"{API}me/calendar/", {"from": today, "to": today})
    assert days.status_code == 200, days.content
    board = client.get(f"{API}leaderboards/week/", {"around": "me"}).json()
    assert [row["user"] for row in board["results"]] == [public_name(ann)]
    changed = client.patch(f"{API}me/", {"is_public": False}, "json")
    assert changed.status_code == 200


def test_the_api_finds_users_by_their_public_names(ann, bob, boss):
    services.record_activity(ann, "kpi_completed")
    client = api_of(boss)
    body = {"activity": "kpi_completed", "key": "k"}

    recorded = client.post(f"{API}records/", {**body, "user": public_name(bob)})
    shown = [client.get(f"{API}users/{public_name(user)}/") for user in (ann, bob)]
    listed = client.post(
        f"{API}records/", [{**body, "user": name} for name in (*NOBODY, "bob@x")]
    )

    assert [each.status_code for each in shown] == [200, 200]
    assert recorded.status_code == 201
    assert {each["status"] for each in listed.json()["results"]} == {422}
    assert recorders() == {identity_of(ann), identity_of(bob)}


def test_the_api_knows_nobody_else(boss):
    client = api_of(boss)

    for name in NOBODY:
        shown = client.get(f"{API}users/{name}/")
        explained = client.get(f"{API}achievements/streak_7/explain/", {"user": name})

        assert shown.status_code == 404
        assert explained.status_code in {400, 404, 422}


def test_the_admin_shows_lists_and_searches_them(ann, page_of):
    services.record_activity(ann, "kpi_completed")
    login = getattr(ann, User.USERNAME_FIELD)

    for page in PAGES:
        found = page_of(f"{page}/", q=login)
        assert found.context["cl"].result_count > 0, page
        assert page_of(f"{page}/", user__exact=identity_of(ann)).status_code == 200
        for text in CRUEL:
            assert page_of(f"{page}/", q=text).context["cl"].result_count == 0


def test_the_admin_survives_filters_by_hand(page_of):
    for text, lookup in product(CRUEL, ["user", "user__exact", "user__in", "user__gt"]):
        answer = page_of("ledgerentry/", **{lookup: text})

        assert answer.status_code in {200, 302}


def test_the_admin_shows_the_page_of_a_user(ann, page_of):
    services.record_activity(ann, "kpi_completed")
    row = UserGamification.objects.using("default").get()

    page = page_of(f"usergamification/for/{quote(str(identity_of(ann)))}/")
    change = page_of(f"usergamification/{row.pk}/change/")

    for answer in (page, change):
        assert answer.status_code == 200
        assert answer.context["player_page"].progress.level.total_xp == 30
        assert answer.context["player_page"].ledger.rows


def test_the_admin_has_no_page_of_nobody(page_of):
    for key in NOBODY:
        assert page_of(f"usergamification/for/{quote(key)}/").status_code == 404


def test_staff_act_on_the_page_of_a_user(ann, boss):
    client, key = sign_in(Client(), boss), quote(str(identity_of(ann)))
    address = f"/admin/gamification/usergamification/for/{key}/award/"

    answer = client.post(address, {"achievement": "first_vision", "note": "thanks"})

    assert answer.status_code == 302
    last = LedgerEntry.objects.using("default").latest("id")
    assert (last.user_id, last.actor_id) == (identity_of(ann), identity_of(boss))
    assert apps.get_model("admin.LogEntry").objects.get().user_id == identity_of(boss)


def test_the_admin_of_users_shows_and_deletes_them(ann):
    # Django itself logs the primary key of another class as that of the user.
    boss = create("head", settings.AUTH_USER_MODEL, is_staff=True, is_superuser=True)
    services.record_activity(ann, "kpi_completed")
    key = quote(str(identity_of(ann)))
    address = f"/admin/{User._meta.app_label}/{User._meta.model_name}/{key}"
    client = sign_in(Client(), boss)

    shown = client.get(f"{address}/change/")
    asked = client.get(f"{address}/delete/")
    deleted = client.post(f"{address}/delete/", {"post": "yes"})

    assert [each.status_code for each in (shown, asked, deleted)] == [200, 200, 302]
    assert recorders() == set()


def test_rows_are_exported(ann, boss):
    services.record_activity(ann, "kpi_completed")
    client = sign_in(Client(), boss)
    chosen = [*LedgerEntry.objects.using("default").values_list("pk", flat=True)]
    data = {"action": "export_as_csv", "_selected_action": chosen}

    answer = client.post("/admin/gamification/ledgerentry/", data)

    assert str(identity_of(ann)) in answer.getvalue().decode()


def test_a_deleted_user_leaves_nothing(ann, bob):
    for user in (ann, bob):
        services.record_activity(user, "kpi_completed")

    ann.delete()

    assert recorders() == {identity_of(bob)}


def test_deletions_are_guarded_whatever_the_class(ann):
    classes = [each for each in apps.get_models() if each._meta.concrete_model is User]

    assert User in classes
    for signal in (pre_delete, post_delete):
        assert all(signal.has_listeners(each) for each in classes)


def test_pages_show_the_user_s_game(ann):
    services.record_activity(ann, "kpi_completed")
    client = sign_in(Client(), ann)
    pieces = ["level", "streak", "calendar", "achievements"]
    source = "".join(f"{{% gamification_{name} user %}}" for name in pieces)

    html = Template("{% load gamification %}" + source).render(Context({"user": ann}))

    assert "1-day streak" in html
    for page in ("", "achievements/", "leaderboards/week/?around=me", "settings/"):
        assert client.get(f"/game/{page}").status_code == 200, page
    assert client.get(f"/game/users/{public_name(ann)}/").context["is_own"]
