from __future__ import annotations

import re
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse

from gamification.admin.players.actions import ACTIONS
from gamification.admin.ui.formatting import describe_drift
from gamification.maintenance import Drift
from gamification.models import LedgerEntry, UserGamification
from gamification.services import (
    adjust_xp,
    award_achievement,
    get_progress,
    record_activity,
    revoke_achievement,
)
from gamification.staff import entry_fingerprint
from tests.factories import AchievementFactory
from tests.inspection import everything, held_by, ledger_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

KEY = UUID(int=7)
#: The fields of each action for a user who walked and holds "walker".
FIELDS = {
    "adjust": {"amount": "50", "key": str(KEY)},
    "award": {"achievement": "runner"},
    "revoke": {"achievement": "walker"},
    "reverse": {},
    "rebuild": {},
}
each_action = pytest.mark.parametrize("name", FIELDS)


@pytest.fixture
def player(user):
    AchievementFactory(key="walker", name="Walker", xp_reward=20)
    AchievementFactory(key="runner", name="Runner", xp_reward=30)
    record_activity(user, "walk")
    award_achievement(user, "walker")
    return user


@pytest.fixture
def allow(client, staff):
    """Return a function that signs in staff who may perform some actions."""

    def allow(*actions):
        permissions = [ACTIONS[name].permission for name in actions]
        names = [permission.partition(".")[2] for permission in permissions]
        may = Permission.objects.filter(codename__in=["view_usergamification", *names])
        staff.user_permissions.set(may)
        client.force_login(staff)
        return client

    return allow


def address(player, name):
    args = [player.pk, name]
    return reverse("admin:gamification_usergamification_action", args=args)


def perform(client, player, name, **fields):
    walk = LedgerEntry.objects.filter(user=player).earliest("id").pk
    entry = {"entry": walk} if name == "reverse" else {}
    values = FIELDS[name] | entry | {"note": "Ticket 7."} | fields
    return client.post(address(player, name), values)


def messages_of(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response):
    return [*response.context["form"].errors.values()]


@each_action
def test_an_action_needs_its_permission(allow, player, name):
    client = allow(name)

    response = perform(client, player, name)

    assert response.status_code == 302
    assert client.get(address(player, name)).status_code == 200


@each_action
def test_all_other_permissions_are_not_enough(allow, player, name):
    before = everything()
    client = allow(*(set(ACTIONS) - {name}))

    statuses = [
        perform(client, player, name).status_code,
        client.get(address(player, name)).status_code,
    ]

    assert statuses == [403, 403]
    assert everything() == before


@each_action
def test_an_action_needs_the_view_permission(allow, staff, player, name):
    client = allow(name)
    may_view = Permission.objects.get(codename="view_usergamification")
    staff.user_permissions.remove(may_view)

    assert perform(client, player, name).status_code == 403


@each_action
def test_users_who_are_not_staff_are_sent_to_the_login_page(client, player, name):
    client.force_login(player)

    response = perform(client, player, name)

    assert response.status_code == 302
    assert "/login/" in response.url


@each_action
def test_an_action_needs_a_note(allow, player, name):
    before = everything()

    response = perform(allow(name), player, name, note=" ")

    assert errors(response) in (
        [["Enter the reason, for the user or for staff."]],
        [["This field is required."]],
    )
    assert everything() == before


@each_action
def test_a_note_that_is_too_long_stays_in_the_form(allow, player, name):
    note = "x" * 10_000

    response = perform(allow(name), player, name, note=note)

    assert "at most 2000 characters" in errors(response)[0][0]
    assert note in response.content.decode()


@each_action
def test_a_note_with_a_null_character_is_refused(allow, player, name):
    response = perform(allow(name), player, name, note="a\0b")

    assert errors(response) == [["Null characters are not allowed."]]


def test_an_unknown_action_is_not_found(allow, player):
    assert allow().get(address(player, "explode")).status_code == 404


@each_action
def test_an_action_needs_an_existing_user(allow, player, name):
    nobody = reverse("admin:gamification_usergamification_action", args=["0", name])

    assert allow(name).post(nobody).status_code == 404


def test_the_page_shows_only_allowed_actions(allow, player):
    page = reverse("admin:gamification_usergamification_for", args=[player.pk])

    forms = allow("adjust", "reverse").get(page).context["action_forms"]

    assert [form.name for form in forms] == ["adjust", "reverse"]


def test_rows_link_to_their_actions(admin_client, player):
    revoke_achievement(player, "walker")
    award_achievement(player, "runner")
    page = reverse("admin:gamification_usergamification_for", args=[player.pk])
    AchievementFactory(key="swimmer")

    html = admin_client.get(page).content.decode()

    links = set(re.findall(r'/(\w+)/\?(?:achievement|entry)=(\w+)"', html))
    walk = str(ledger_of(player)[0].pk)
    assert links == {
        ("reverse", walk),
        ("revoke", "runner"),
        ("award", "walker"),
        ("award", "swimmer"),
    }


def test_an_adjustment_is_reported_and_logged(allow, staff, player):
    response = perform(allow("adjust"), player, "adjust", amount="50")

    [message] = messages_of(response)
    log = LogEntry.objects.get()
    assert message == "XP adjusted: +50 XP; level 1 → 2; total 80 XP."
    assert log.change_message == f"{message} Note: Ticket 7."
    assert (log.user, log.get_edited_object().user) == (staff, player)
    entry = ledger_of(player)[-1]
    assert (entry.amount, entry.note, entry.actor) == (50, "Ticket 7.", staff)


def test_the_message_names_unlocked_achievements(allow, player):
    AchievementFactory(name="Rich", criterion="total_xp", threshold=70, xp_reward=5)

    response = perform(allow("adjust"), player, "adjust", amount="40")

    assert messages_of(response) == [
        "XP adjusted: +40 XP; level 1 → 2; unlocked \u2068Rich\u2069; total 75 XP."
    ]


def test_the_message_names_lost_achievements(allow, user, activity):
    AchievementFactory(
        name="Walker",
        criterion="activity_count",
        activity=activity,
        xp_reward=20,
        revocable=True,
    )
    record_activity(user, "walk")
    walk = ledger_of(user)[0].pk

    response = perform(allow("reverse"), user, "reverse", entry=walk)

    assert messages_of(response) == [
        f"Entry {walk} reversed: −10 XP; lost \u2068Walker\u2069; total 0 XP."
    ]


def test_an_adjustment_cannot_take_more_xp_than_there_is(allow, player):
    response = perform(allow("adjust"), player, "adjust", amount="-31")

    assert errors(response) == [["The user has 30 XP; 31 cannot be taken."]]
    assert 'value="-31"' in response.content.decode()
    assert "Ticket 7." in response.content.decode()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("amount", ["", "0", "1.5", "x", "9" * 30, "9" * 5_000, "a\0b"])
def test_an_invalid_amount_is_an_error(allow, player, amount):
    response = perform(allow("adjust"), player, "adjust", amount=amount)

    assert len(errors(response)) == 1
    assert len(ledger_of(player)) == 2


def test_sending_an_adjustment_twice_adjusts_once(allow, player):
    client = allow("adjust")
    perform(client, player, "adjust")

    again = perform(client, player, "adjust")

    assert messages_of(again)[-1] == "XP adjusted: already done; nothing changed."
    assert get_progress(player).level.total_xp == 80
    assert LogEntry.objects.count() == 1


def test_a_used_form_with_other_values_must_be_sent_again(allow, player):
    client = allow("adjust")
    perform(client, player, "adjust", amount="50")

    response = perform(client, player, "adjust", amount="60")

    assert "was already sent" in errors(response)[0][0]
    key = response.context["form"]["key"].value()
    perform(client, player, "adjust", amount="60", key=key)
    assert get_progress(player).level.total_xp == 140


def test_each_new_form_has_its_own_key(allow, player):
    client, page = allow("adjust"), address(player, "adjust")

    keys = [client.get(page).context["form"]["key"].value() for _ in range(2)]

    assert keys[0] != keys[1]


@pytest.mark.parametrize("key", ["", "x", "a\0b"])
def test_an_adjustment_needs_a_key(allow, player, key):
    response = perform(allow("adjust"), player, "adjust", key=key)

    assert list(response.context["form"].errors) == ["key"]


def test_an_achievement_is_awarded(allow, player):
    response = perform(allow("award"), player, "award", achievement="runner")

    assert held_by(player) == {"walker", "runner"}
    [message] = messages_of(response)
    assert message.startswith("Awarded \u2068Runner\u2069: +30 XP; level 1 → 2; ")
    assert message.endswith("unlocked \u2068Runner\u2069; total 60 XP.")


def test_an_achievement_is_awarded_once(allow, player):
    response = perform(allow("award"), player, "award", achievement="walker")

    assert messages_of(response) == [
        "Awarded \u2068Walker\u2069: already done; nothing changed."
    ]
    assert not LogEntry.objects.exists()


def test_a_user_without_history_can_be_awarded(allow, user):
    AchievementFactory(key="runner", name="Runner")
    values = {"achievement": "runner", "note": "Welcome."}

    response = allow("award").post(address(user, "award"), values, follow=True)

    assert held_by(user) == {"runner"}
    assert response.status_code == 200
    assert LogEntry.objects.get().get_edited_object().user == user


@pytest.mark.parametrize("key", ["", "drawn", "old", "nothing", "a\0b", "x" * 9_999])
def test_only_active_achievements_can_be_awarded(allow, player, key):
    AchievementFactory(key="drawn", status="draft")
    AchievementFactory(key="old", status="retired")

    response = perform(allow("award"), player, "award", achievement=key)

    assert list(response.context["form"].errors) == ["achievement"]
    assert held_by(player) == {"walker"}


def test_an_achievement_is_revoked(allow, staff, player):
    response = perform(allow("revoke"), player, "revoke")

    row = player.gamification_achievements.get()
    assert (row.revoked_by, row.revoke_reason) == (staff, "Ticket 7.")
    assert messages_of(response) == ["Revoked \u2068Walker\u2069: −20 XP; total 10 XP."]


def test_an_achievement_is_revoked_once(allow, player):
    client = allow("revoke")
    perform(client, player, "revoke")

    perform(client, player, "revoke")

    assert get_progress(player).level.total_xp == 10
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("key", ["runner", "nothing", "a\0b"])
def test_only_held_achievements_can_be_revoked(allow, player, key):
    response = perform(allow("revoke"), player, "revoke", achievement=key)

    assert list(response.context["form"].errors) == ["achievement"]


def test_an_entry_is_reversed(allow, staff, player):
    walk = ledger_of(player)[0]

    response = perform(allow("reverse"), player, "reverse")

    reversal = ledger_of(player)[-1]
    assert (reversal.reverses, reversal.actor) == (walk.pk, staff)
    assert messages_of(response) == [f"Entry {walk.pk} reversed: −10 XP; total 20 XP."]


def test_an_entry_is_reversed_once(allow, player):
    client = allow("reverse")
    perform(client, player, "reverse")

    perform(client, player, "reverse")

    assert get_progress(player).level.total_xp == 20
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("entry", ["", "0", "-1", "x", "9" * 25, "a\0b"])
def test_an_invalid_entry_number_is_an_error(allow, player, entry):
    response = perform(allow("reverse"), player, "reverse", entry=entry)

    assert list(response.context["form"].errors) == ["entry"]


def test_only_entries_of_the_user_can_be_reversed(allow, staff, player):
    adjust_xp(staff, amount=5, note="A present.")
    foreign = ledger_of(staff)[0].pk

    response = perform(allow("reverse"), player, "reverse", entry=foreign)

    assert errors(response) == [[f"The user's ledger has no entry {foreign}."]]


def test_a_reward_cannot_be_reversed_by_itself(allow, player):
    reward = ledger_of(player)[1].pk

    response = perform(allow("reverse"), player, "reverse", entry=reward)

    [[error]] = errors(response)
    assert error.startswith(f"Entry {reward} cannot be reversed by itself")


def test_a_link_fills_in_the_entry(allow, player):
    walk = ledger_of(player)[0]

    page = allow("reverse").get(address(player, "reverse"), {"entry": walk.pk})

    form = page.context["form"]
    assert form["entry"].value() == str(walk.pk)
    assert form.about.endswith(": \u2068Walk\u2069, +10 XP")


@pytest.mark.parametrize("entry", ["", "0", "x", "%00", "9" * 5_000, "987654321"])
def test_a_link_to_an_unknown_entry_shows_no_description(allow, player, entry):
    page = allow("reverse").get(address(player, "reverse"), {"entry": entry})

    assert page.context["form"].about == ""


def test_a_link_fills_in_the_achievement(allow, player):
    page = allow("award").get(address(player, "award"), {"achievement": "runner"})

    assert '<option value="runner" selected>' in page.content.decode()


def test_a_link_fills_in_no_other_field(allow, player):
    query = {"key": str(KEY), "amount": "5", "note": "Do it."}

    form = allow("adjust").get(address(player, "adjust"), query).context["form"]

    assert (form["amount"].value(), form["note"].value()) == (None, None)
    assert form["key"].value() != KEY


def test_progress_is_rebuilt(allow, player):
    UserGamification.objects.update(total_xp=7)

    response = perform(allow("rebuild"), player, "rebuild")

    assert messages_of(response) == ["Progress rebuilt: total_xp 7 → 30."]
    assert LogEntry.objects.get().change_message.endswith("Note: Ticket 7.")


def test_only_ten_differences_are_named():
    drift = [Drift(7, f"day {n}", n, n + 1) for n in range(12)]

    text = describe_drift(drift)

    assert text.startswith("day 0 0 → 1; day 1 1 → 2; ")
    assert text.endswith("; day 9 9 → 10; 2 more")


def test_correct_progress_is_not_rebuilt(allow, player):
    response = perform(allow("rebuild"), player, "rebuild")

    assert messages_of(response) == ["Progress already agrees with the ledger."]
    assert not LogEntry.objects.exists()


def test_staff_adjust_their_own_xp_only_if_the_site_allows_it(allow, staff, settings):
    client = allow("adjust")
    form = {"amount": 5, "note": "For me.", "key": str(KEY)}

    refused = client.post(address(staff, "adjust"), form)

    assert "Staff cannot act on themselves" in refused.text
    settings.GAMIFICATION = {"ALLOW_SELF_AWARDS": True}

    client.post(
        address(staff, "adjust"), {"amount": 5, "note": "For me.", "key": str(KEY)}
    )

    assert LogEntry.objects.get().user == staff
    assert ledger_of(staff)[0].actor == staff


def test_a_concurrent_deletion_of_the_user_is_reported(allow, player, monkeypatch):
    client, form = allow("adjust"), ACTIONS["adjust"]
    perform = form.perform

    def perform_late(self, actor):
        player.delete()
        return perform(self, actor)

    monkeypatch.setattr(form, "perform", perform_late)
    page, key = address(player, "adjust"), player.pk

    response = client.post(page, {"amount": 5, "note": "Hello.", "key": str(KEY)})

    assert errors(response) == [[f"No user has the primary key {key!r}."]]


def test_an_action_keeps_both_notes(allow, player):
    perform(allow("adjust"), player, "adjust", note="Sorry!", internal_note="Fraud.")

    entry = LedgerEntry.objects.latest("id")
    assert (entry.note, entry.internal_note) == ("Sorry!", "Fraud.")


def test_a_reversal_refuses_an_entry_other_than_the_form_described(allow, player):
    entry, staff = record_activity(player, "walk").entry, allow("reverse")
    form = staff.get(address(player, "reverse"), {"entry": entry.id}).context["form"]
    described = form.initial["fingerprint"]

    stale = perform(staff, player, "reverse", entry=entry.id, fingerprint="another")
    sent_again = stale.context["form"]["fingerprint"].value()

    assert "not the entry that you looked at" in errors(stale)[0][0]
    assert described == sent_again == entry_fingerprint(entry)
    assert perform(staff, player, "reverse", entry=entry.id, fingerprint=described).url


@pytest.fixture
def tens(activity, player):
    """An achievement that the player holds twice."""
    made = AchievementFactory(
        key="tens",
        name="Tens",
        criterion="activity_count",
        activity=activity,
        threshold=10,
        xp_reward=5,
        max_times=None,
        repeat_every=10,
    )
    record_activity(player, "walk", quantity=20)
    return made


def numbers_of(player):
    held = player.gamification_achievements.filter(revoked_at=None)
    rows = held.filter(achievement__key="tens").order_by("number")
    return [*rows.values_list("number", flat=True)]


def test_one_time_is_revoked(allow, player, tens):
    perform(allow("revoke"), player, "revoke", achievement="tens", number="1")

    assert numbers_of(player) == [2]


def test_one_time_is_awarded(allow, player, tens):
    perform(allow("award"), player, "award", achievement="tens", number="5")

    assert numbers_of(player) == [1, 2, 5]


def test_a_link_names_the_time(allow, player, tens):
    page = allow("revoke").get(
        address(player, "revoke"), {"achievement": "tens", "number": "2"}
    )

    assert 'name="number" value="2"' in page.content.decode()


def test_nobody_is_asked_which_time_where_all_are_earned_once(allow, player):
    page = allow("revoke").get(address(player, "revoke")).content.decode()

    assert 'name="number"' not in page
