from __future__ import annotations

import re
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse

from gamification.admin.players.actions import ACTS
from gamification.admin.ui.formatting import listed
from gamification.maintenance import (
    Drift,
)
from gamification.models import LedgerEntry, UserGamification
from gamification.services import (
    adjust_xp,
    award_achievement,
    get_progress,
    record_activity,
    revoke_achievement,
)
from tests.factories import AchievementFactory
from tests.inspection import everything, held_by, ledger_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

KEY = UUID(int=7)
#: What each act needs, of a user who walked and holds "walker".
ASKED = {
    "adjust": {"amount": "50", "key": str(KEY)},
    "award": {"achievement": "runner"},
    "revoke": {"achievement": "walker"},
    "reverse": {},
    "rebuild": {},
}
each_act = pytest.mark.parametrize("name", ASKED)


@pytest.fixture
def player(user):
    AchievementFactory(key="walker", name="Walker", xp_reward=20)
    AchievementFactory(key="runner", name="Runner", xp_reward=30)
    record_activity(user, "walk")
    award_achievement(user, "walker")
    return user


@pytest.fixture
def allow(client, staff):
    """Return a browser of staff who may look, and do what is named."""

    def allow(*acts):
        names = [ACTS[act].permission.partition(".")[2] for act in acts]
        may = Permission.objects.filter(codename__in=["view_usergamification", *names])
        staff.user_permissions.set(may)
        client.force_login(staff)
        return client

    return allow


def address(player, name):
    args = [player.pk, name]
    return reverse("admin:gamification_usergamification_act", args=args)


def do(client, player, name, **asked):
    walk = LedgerEntry.objects.filter(user=player).earliest("id").pk
    entry = {"entry": walk} if name == "reverse" else {}
    values = ASKED[name] | entry | {"note": "Ticket 7."} | asked
    return client.post(address(player, name), values)


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response):
    return [*response.context["form"].errors.values()]


@each_act
def test_an_act_is_for_who_has_its_permission(allow, player, name):
    client = allow(name)

    response = do(client, player, name)

    assert response.status_code == 302
    assert client.get(address(player, name)).status_code == 200


@each_act
def test_all_other_permissions_are_not_enough(allow, player, name):
    before = everything()
    client = allow(*(set(ACTS) - {name}))

    statuses = [
        do(client, player, name).status_code,
        client.get(address(player, name)).status_code,
    ]

    assert statuses == [403, 403]
    assert everything() == before


@each_act
def test_who_may_not_look_may_not_act(allow, staff, player, name):
    client = allow(name)
    may_view = Permission.objects.get(codename="view_usergamification")
    staff.user_permissions.remove(may_view)

    assert do(client, player, name).status_code == 403


@each_act
def test_who_is_not_of_the_staff_is_asked_to_log_in(client, player, name):
    client.force_login(player)

    response = do(client, player, name)

    assert response.status_code == 302
    assert "/login/" in response.url


@each_act
def test_an_act_needs_a_note(allow, player, name):
    before = everything()

    response = do(allow(name), player, name, note=" ")

    assert errors(response) == [["This field is required."]]
    assert everything() == before


@each_act
def test_a_note_of_10_kb_stays_in_the_form(allow, player, name):
    note = "x" * 10_000

    response = do(allow(name), player, name, note=note)

    assert "at most 2000 characters" in errors(response)[0][0]
    assert note in response.content.decode()


@each_act
def test_a_note_with_a_nul_is_refused(allow, player, name):
    response = do(allow(name), player, name, note="a\0b")

    assert errors(response) == [["Null characters are not allowed."]]


def test_there_is_no_other_act(allow, player):
    assert allow().get(address(player, "explode")).status_code == 404


@each_act
def test_an_act_needs_a_user(allow, player, name):
    nobody = reverse("admin:gamification_usergamification_act", args=["0", name])

    assert allow(name).post(nobody).status_code == 404


def test_the_page_offers_what_is_allowed(allow, player):
    page = reverse("admin:gamification_usergamification_for", args=[player.pk])

    acts = allow("adjust", "reverse").get(page).context["acts"]

    assert [act.name for act in acts] == ["adjust", "reverse"]


def test_rows_of_the_page_link_to_what_is_done_to_them(admin_client, player):
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


def test_an_adjustment_is_told_and_written_down(allow, staff, player):
    response = do(allow("adjust"), player, "adjust", amount="50")

    [message] = said(response)
    log = LogEntry.objects.get()
    assert message == "XP adjusted: +50 XP; level 1 → 2; 80 XP in all."
    assert log.change_message == f"{message} Note: Ticket 7."
    assert (log.user, log.get_edited_object().user) == (staff, player)
    entry = ledger_of(player)[-1]
    assert (entry.amount, entry.note, entry.actor) == (50, "Ticket 7.", staff)


def test_a_message_tells_what_was_unlocked(allow, player):
    AchievementFactory(name="Rich", criterion="total_xp", threshold=70, xp_reward=5)

    response = do(allow("adjust"), player, "adjust", amount="40")

    assert said(response) == [
        "XP adjusted: +40 XP; level 1 → 2; unlocked \u2068Rich\u2069; 75 XP in all."
    ]


def test_no_more_is_taken_than_there_is(allow, player):
    response = do(allow("adjust"), player, "adjust", amount="-31")

    assert errors(response) == [["The user has 30 XP; 31 cannot be taken."]]
    assert 'value="-31"' in response.content.decode()
    assert "Ticket 7." in response.content.decode()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("amount", ["", "0", "1.5", "x", "9" * 30, "9" * 5_000, "a\0b"])
def test_an_amount_is_a_number_of_xp(allow, player, amount):
    response = do(allow("adjust"), player, "adjust", amount=amount)

    assert len(errors(response)) == 1
    assert len(ledger_of(player)) == 2


def test_an_adjustment_that_is_sent_twice_is_made_once(allow, player):
    client = allow("adjust")
    do(client, player, "adjust")

    again = do(client, player, "adjust")

    assert said(again)[-1] == "XP adjusted: it was done before; nothing changed."
    assert get_progress(player).level.total_xp == 80
    assert LogEntry.objects.count() == 1


def test_a_form_that_is_sent_again_with_something_else_asks_first(allow, player):
    client = allow("adjust")
    do(client, player, "adjust", amount="50")

    response = do(client, player, "adjust", amount="60")

    assert "was sent before" in errors(response)[0][0]
    key = response.context["form"]["key"].value()
    do(client, player, "adjust", amount="60", key=key)
    assert get_progress(player).level.total_xp == 140


def test_each_form_is_an_adjustment_of_its_own(allow, player):
    client, page = allow("adjust"), address(player, "adjust")

    keys = [client.get(page).context["form"]["key"].value() for _ in range(2)]

    assert keys[0] != keys[1]


@pytest.mark.parametrize("key", ["", "x", "a\0b"])
def test_an_adjustment_has_a_key(allow, player, key):
    response = do(allow("adjust"), player, "adjust", key=key)

    assert list(response.context["form"].errors) == ["key"]


def test_an_achievement_is_awarded(allow, player):
    response = do(allow("award"), player, "award", achievement="runner")

    assert held_by(player) == {"walker", "runner"}
    [message] = said(response)
    assert message.startswith("Awarded \u2068Runner\u2069: +30 XP; level 1 → 2; ")
    assert message.endswith("unlocked \u2068Runner\u2069; 60 XP in all.")


def test_it_is_awarded_once(allow, player):
    response = do(allow("award"), player, "award", achievement="walker")

    assert said(response) == [
        "Awarded \u2068Walker\u2069: it was done before; nothing changed."
    ]
    assert not LogEntry.objects.exists()


def test_who_never_did_anything_is_awarded_to(allow, user):
    AchievementFactory(key="runner", name="Runner")
    values = {"achievement": "runner", "note": "Welcome."}

    response = allow("award").post(address(user, "award"), values, follow=True)

    assert held_by(user) == {"runner"}
    assert response.status_code == 200
    assert LogEntry.objects.get().get_edited_object().user == user


@pytest.mark.parametrize("key", ["", "drawn", "old", "nothing", "a\0b", "x" * 9_999])
def test_only_an_active_one_is_awarded(allow, player, key):
    AchievementFactory(key="drawn", status="draft")
    AchievementFactory(key="old", status="retired")

    response = do(allow("award"), player, "award", achievement=key)

    assert list(response.context["form"].errors) == ["achievement"]
    assert held_by(player) == {"walker"}


def test_an_achievement_is_revoked(allow, staff, player):
    response = do(allow("revoke"), player, "revoke")

    row = player.gamification_achievements.get()
    assert (row.revoked_by, row.revoke_reason) == (staff, "Ticket 7.")
    assert said(response) == ["Revoked \u2068Walker\u2069: −20 XP; 10 XP in all."]


def test_it_is_revoked_once(allow, player):
    client = allow("revoke")
    do(client, player, "revoke")

    do(client, player, "revoke")

    assert get_progress(player).level.total_xp == 10
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("key", ["runner", "nothing", "a\0b"])
def test_nothing_is_revoked_that_never_was_held(allow, player, key):
    response = do(allow("revoke"), player, "revoke", achievement=key)

    assert list(response.context["form"].errors) == ["achievement"]


def test_an_entry_is_taken_back(allow, staff, player):
    walk = ledger_of(player)[0]

    response = do(allow("reverse"), player, "reverse")

    reversal = ledger_of(player)[-1]
    assert (reversal.reverses, reversal.actor) == (walk.pk, staff)
    assert said(response) == [f"Entry {walk.pk} taken back: −10 XP; 20 XP in all."]


def test_it_is_taken_back_once(allow, player):
    client = allow("reverse")
    do(client, player, "reverse")

    do(client, player, "reverse")

    assert get_progress(player).level.total_xp == 20
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("entry", ["", "0", "-1", "x", "9" * 25, "a\0b"])
def test_an_entry_is_a_number(allow, player, entry):
    response = do(allow("reverse"), player, "reverse", entry=entry)

    assert list(response.context["form"].errors) == ["entry"]


def test_an_entry_is_the_users_own(allow, staff, player):
    adjust_xp(staff, amount=5, note="A present.")
    foreign = ledger_of(staff)[0].pk

    response = do(allow("reverse"), player, "reverse", entry=foreign)

    assert errors(response) == [["The user's ledger has no such entry."]]


def test_a_reward_is_not_taken_back_by_itself(allow, player):
    reward = ledger_of(player)[1].pk

    response = do(allow("reverse"), player, "reverse", entry=reward)

    assert errors(response) == [["The entry cannot be taken back by itself."]]


def test_a_link_says_which_entry(allow, player):
    walk = ledger_of(player)[0]

    page = allow("reverse").get(address(player, "reverse"), {"entry": walk.pk})

    form = page.context["form"]
    assert form["entry"].value() == str(walk.pk)
    assert form.about.endswith(": \u2068Walk\u2069, +10 XP")


@pytest.mark.parametrize("entry", ["", "0", "x", "%00", "9" * 5_000, "987654321"])
def test_a_link_to_no_entry_says_nothing(allow, player, entry):
    page = allow("reverse").get(address(player, "reverse"), {"entry": entry})

    assert page.context["form"].about == ""


def test_a_link_says_which_achievement(allow, player):
    page = allow("award").get(address(player, "award"), {"achievement": "runner"})

    assert '<option value="runner" selected>' in page.content.decode()


def test_a_link_says_nothing_else(allow, player):
    query = {"key": str(KEY), "amount": "5", "note": "Do it."}

    form = allow("adjust").get(address(player, "adjust"), query).context["form"]

    assert (form["amount"].value(), form["note"].value()) == (None, None)
    assert form["key"].value() != KEY


def test_progress_is_rebuilt(allow, player):
    UserGamification.objects.update(total_xp=7)

    response = do(allow("rebuild"), player, "rebuild")

    assert said(response) == ["Progress rebuilt: total_xp 7 → 30."]
    assert LogEntry.objects.get().change_message.endswith("Note: Ticket 7.")


def test_many_differences_are_not_all_named():
    drift = [Drift(7, f"day {n}", n, n + 1) for n in range(12)]

    words = listed(drift)

    assert words.startswith("day 0 0 → 1; day 1 1 → 2; ")
    assert words.endswith("; day 9 9 → 10; 2 more")


def test_progress_in_order_is_left_alone(allow, player):
    response = do(allow("rebuild"), player, "rebuild")

    assert said(response) == ["Progress is what the ledger says."]
    assert not LogEntry.objects.exists()


def test_staff_change_their_own_game_and_that_is_written_down(allow, staff):
    client = allow("adjust")

    client.post(
        address(staff, "adjust"), {"amount": 5, "note": "For me.", "key": str(KEY)}
    )

    assert LogEntry.objects.get().user == staff
    assert ledger_of(staff)[0].actor == staff


def test_a_user_who_went_away_meanwhile_is_told_of(allow, player, monkeypatch):
    client, act = allow("adjust"), ACTS["adjust"]
    perform = act.perform

    def late(form, actor):
        player.delete()
        return perform(form, actor)

    monkeypatch.setattr(act, "perform", late)
    page = address(player, "adjust")

    response = client.post(page, {"amount": 5, "note": "Hello.", "key": str(KEY)})

    assert errors(response) == [["There is no such user."]]
