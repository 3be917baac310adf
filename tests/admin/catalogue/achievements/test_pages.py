from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.urls import reverse
from django.utils.html import escape, strip_tags

from gamification.admin.catalogue.achievements.changelist import distinct
from gamification.admin.catalogue.achievements.pages import AchievementAdmin
from gamification.exceptions import InvalidDefinitionError
from gamification.models import Achievement
from gamification.services import (
    award_achievement,
    record_activity,
)
from tests.admin.browsing import filled_in, refused_inline
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

LIST = reverse("admin:gamification_achievement_changelist")
ADD = reverse("admin:gamification_achievement_add")
SENTENCE = reverse("admin:gamification_achievement_sentence")

NEW = {
    "max_times": "1",
    "key": "walk_10",
    "name": "Ten walks",
    "category": "milestones",
    "criterion": "manual",
    "threshold": 10,
    "xp_reward": 50,
    "status": "active",
    "position": 0,
}

#: The achievement that somebody else creates in the meantime.
TAKEN = {"name": "Walks", "category": "mastery", "criterion": "manual"}


@pytest.fixture(autouse=True)
def no_cached_rarity():
    cache.clear()
    yield
    cache.clear()


def change_page(row):
    return reverse("admin:gamification_achievement_change", args=[row.pk])


def cells(response, name):
    """Return the contents of the cells of a column."""
    html = response.content.decode()
    return [
        part.partition(">")[2].partition("</td>")[0]
        for part in html.split(f'<td class="field-{name}"')[1:]
    ]


def save(client, address, form, **changes):
    """Open a page, change some fields, and save it."""
    fields = filled_in(client.get(address), form)
    return client.post(address, fields | {"_save": "1"} | changes)


def save_list(client, **changes):
    return save(client, LIST, "changelist-form", **changes)


def logged():
    return [
        (str(entry.content_type.model), entry.object_repr, entry.get_change_message())
        for entry in LogEntry.objects.order_by("pk")
    ]


@pytest.fixture
def trio(db):
    """Three achievements in the order of their names, with equal positions."""
    return [AchievementFactory(key=key, name=key.title()) for key in ("a", "b", "c")]


@pytest.fixture
def viewer(client, staff):
    """A client of staff who may view everything, and change nothing."""
    views = Permission.objects.filter(codename__startswith="view_")
    staff.user_permissions.set(views)
    client.force_login(staff)
    return client


def order():
    return list(Achievement.objects.values_list("key", "position"))


def test_the_list_describes_criterion_and_category(admin_client, activity):
    count = {"criterion": "activity_count", "activity": activity, "threshold": 50}
    AchievementFactory(position=1, **count)
    streak = {"criterion": "longest_streak", "threshold": 7, "category": "streaks"}
    AchievementFactory(position=2, **streak)

    shown = cells(admin_client.get(LIST), "criterion_in_words")

    assert [strip_tags(cell) for cell in shown] == [
        "50 × Walk milestones",
        "streak of 7 days streaks",
    ]


def test_the_list_links_to_holders(admin_client, activity):
    users = UserFactory.create_batch(4)
    medal = AchievementFactory(key="medal")
    for user in users:
        record_activity(user, "walk")
    award_achievement(users[0], "medal")

    [cell] = cells(admin_client.get(LIST), "held")

    listed = reverse("admin:gamification_userachievement_changelist")
    address = f"{listed}?achievement__id__exact={medal.pk}&amp;revoked_at__isempty=1"
    assert cell == f'<a href="{address}">1 · 25.0 %</a>'
    response = admin_client.get(address.replace("&amp;", "&"))
    assert [row.user for row in response.context["cl"].result_list] == [users[0]]


def test_holders_have_no_share_without_active_users(admin_client):
    AchievementFactory()

    [cell] = cells(admin_client.get(LIST), "held")

    assert cell.endswith(">0</a>")


def test_holders_are_linked_only_for_staff_who_may_view_them(client, staff):
    AchievementFactory()
    staff.user_permissions.add(Permission.objects.get(codename="view_achievement"))
    client.force_login(staff)

    assert cells(client.get(LIST), "held") == ["0"]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{7*7}}", "\u202eabc"])
def test_names_are_escaped(admin_client, name):
    AchievementFactory(name=name, icon=name[:50], criterion="manual")

    html = admin_client.get(LIST).content.decode()

    assert f"<bdi>{escape(name)}</bdi>" in html
    assert "<script>alert" not in html


def test_staff_who_may_only_view_get_no_button_that_saves(client, staff):
    staff.user_permissions.add(Permission.objects.get(codename="view_achievement"))
    client.force_login(staff)
    address = reverse(
        "admin:gamification_achievement_change", args=[AchievementFactory().pk]
    )

    assert 'name="_save"' not in client.get(address).text


def test_the_number_of_queries_does_not_grow_with_achievements(
    admin_client, django_assert_num_queries
):
    AchievementFactory(criterion="activity_count", activity=ActivityFactory())
    admin_client.get(LIST)
    # Session, staff member, activities and series of filters, two counts, and rows; on
    # PostgreSQL, also which schema the cached rarity is of.
    with django_assert_num_queries(7 + IS_POSTGRESQL):
        admin_client.get(LIST)
    for _ in range(20):
        AchievementFactory(criterion="activity_count", activity=ActivityFactory())

    with django_assert_num_queries(7 + IS_POSTGRESQL):
        response = admin_client.get(LIST)

    assert response.context["cl"].result_count == 21


@pytest.mark.parametrize("key", ["swim_10", "Ten swims", "in water"])
def test_an_achievement_is_found_by_key_name_and_description(admin_client, key):
    AchievementFactory(key="swim_10", name="Ten swims", description="Not in water.")
    AchievementFactory()

    response = admin_client.get(LIST, {"q": key})

    assert [row.key for row in response.context["cl"].result_list] == ["swim_10"]


@pytest.mark.parametrize(
    "query", ["status__exact=draft", "criterion__exact=level", "is_secret__exact=1"]
)
def test_achievements_are_filtered(admin_client, query):
    AchievementFactory(key="one", status="draft", criterion="level", is_secret=True)
    AchievementFactory(key="other")

    response = admin_client.get(f"{LIST}?{query}")

    assert [row.key for row in response.context["cl"].result_list] == ["one"]


@pytest.mark.parametrize(
    "query",
    [
        "xp_reward__range=1",
        "key__regex=(",
        "status__exact=%00",
        "activity__id__exact=x",
        f"activity__id__exact={'9' * 40}",
        f"activity={'9' * 25}",
        f"threshold__in={'9' * 25}",
        "created_at__iso_year=0",
        "activity__isnull=x",
        "q=%00",
        "p=x",
        "o=9.x",
        "_facets=1",
    ],
)
def test_meaningless_queries_cause_no_server_error(admin_client, query):
    AchievementFactory()

    assert admin_client.get(f"{LIST}?{query}").status_code in {200, 302, 400}


def test_several_achievements_are_edited_in_the_list(admin_client, trio):
    changes = {
        "form-0-xp_reward": 70,
        "form-1-threshold": 3,
        "form-2-status": "draft",
        "form-2-position": 9,
    }

    response = save_list(admin_client, **changes)

    assert response.status_code == 302
    rows = Achievement.objects.in_bulk(field_name="key")
    assert (rows["a"].xp_reward, rows["b"].threshold) == (70, 3)
    assert (rows["c"].status, rows["c"].position) == ("draft", 9)
    assert logged() == [
        ("achievement", "A", "Changed XP reward: 50 → 70."),
        ("achievement", "B", "Changed Threshold: 1 → 3."),
        ("achievement", "C", "Changed Status: active → draft; Position: 0 → 9."),
    ]


def test_an_error_in_one_row_saves_no_row(admin_client, trio):
    changes = {"form-0-xp_reward": 70, "form-1-xp_reward": -1}

    response = save_list(admin_client, **changes)

    assert response.context["cl"].formset.forms[1].errors == {
        "xp_reward": ["Ensure this value is greater than or equal to 0."]
    }
    assert not Achievement.objects.exclude(xp_reward=50).exists()


@pytest.mark.parametrize(
    ("move", "keys"),
    [("1:up", "bac"), ("1:down", "acb"), ("0:down", "bac"), ("2:up", "acb")],
)
def test_a_row_moves_past_its_neighbour(admin_client, trio, move, keys):
    fields = filled_in(admin_client.get(LIST), "changelist-form")

    response = admin_client.post(LIST, fields | {"_move": move})

    assert response.status_code == 302
    assert "".join(key for key, _ in order()) == keys


@pytest.mark.parametrize(
    "move", ["0:up", "2:down", "1", "1:over", "x:up", "7:up", "-1:up", "", "1" * 5_000]
)
def test_an_invalid_move_changes_nothing(admin_client, trio, move):
    fields = filled_in(admin_client.get(LIST), "changelist-form")

    response = admin_client.post(LIST, fields | {"_move": move})

    assert response.status_code == 302
    assert "".join(key for key, _ in order()) == "abc"


def test_a_move_changes_only_two_positions(admin_client, trio):
    for row, position in zip(trio, [10, 20, 30], strict=True):
        Achievement.objects.filter(pk=row.pk).update(position=position)
    fields = filled_in(admin_client.get(LIST), "changelist-form")

    admin_client.post(LIST, fields | {"_move": "1:up"})

    assert order() == [("b", 10), ("a", 20), ("c", 30)]
    assert [name for _, name, _ in logged()] == ["A", "B"]


def test_a_move_saves_other_edits_too(admin_client, trio):
    fields = filled_in(admin_client.get(LIST), "changelist-form")

    admin_client.post(LIST, fields | {"_move": "0:down", "form-2-xp_reward": 70})

    assert [key for key, _ in order()] == ["b", "a", "c"]
    assert Achievement.objects.get(key="c").xp_reward == 70


def test_an_invalid_position_is_reported_and_nothing_moves(admin_client, trio):
    fields = filled_in(admin_client.get(LIST), "changelist-form")

    response = admin_client.post(
        LIST, fields | {"_move": "0:down", "form-2-position": "last"}
    )

    errors = response.context["cl"].formset.forms[2].errors
    assert errors == {"position": ["Enter a whole number."]}
    assert [key for key, _ in order()] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("positions", "result"),
    [
        ([], []),
        ([3, 1, 2], [1, 2, 3]),
        ([0, 0, 0], [0, 1, 2]),
        ([5, 0, 0, 1, 1], [0, 1, 2, 3, 5]),
        ([-3, -3], [-3, -2]),
    ],
)
def test_positions_become_distinct(positions, result):
    assert distinct(positions) == result


def test_sorted_rows_have_no_move_buttons(admin_client, trio):
    assert "_move" in admin_client.get(LIST).content.decode()
    assert "_move" not in admin_client.get(LIST, {"o": "2"}).content.decode()


def test_staff_add_an_achievement(admin_client, admin_user):
    response = admin_client.post(ADD, NEW)

    assert response.status_code == 302
    assert Achievement.objects.get(key="walk_10").threshold == 10
    assert logged() == [("achievement", "Ten walks", "Added.")]
    assert LogEntry.objects.get().user == admin_user


def test_a_new_achievement_counts_an_activity(admin_client, activity):
    criterion = {"criterion": "activity_count", "activity": activity.pk}

    admin_client.post(ADD, NEW | criterion)

    assert Achievement.objects.get(key="walk_10").activity == activity


def test_a_count_of_an_activity_needs_an_activity(admin_client):
    response = admin_client.post(ADD, NEW | {"criterion": "activity_count"})

    errors = response.context["adminform"].form.non_field_errors()
    assert errors == ["Choose an activity if the criterion counts one, otherwise none."]


def test_a_concurrently_taken_key_is_reported(admin_client, monkeypatch):
    save = AchievementAdmin._save_form

    def refuse(**values):
        raise InvalidDefinitionError

    def save_late(self, *args):
        try:
            return save(self, *args)
        finally:
            Achievement.objects.get_or_create(key="walk_10", defaults=TAKEN)

    monkeypatch.setattr(AchievementAdmin, "create", refuse)
    monkeypatch.setattr(AchievementAdmin, "_save_form", save_late)

    response = admin_client.post(ADD, NEW)

    assert response.context["adminform"].form.errors == {
        "key": ["Achievement with this Key already exists."]
    }


def test_a_new_achievement_gets_the_last_position(admin_client, trio):
    Achievement.objects.filter(key="c").update(position=7)

    assert filled_in(admin_client.get(ADD), "achievement_form")["position"] == "8"


def test_the_first_achievement_has_position_0(admin_client):
    assert filled_in(admin_client.get(ADD), "achievement_form")["position"] == "0"


def test_saving_an_unchanged_form_changes_nothing(admin_client, activity):
    medal = AchievementFactory(
        criterion="activity_count", activity=activity, description="One\ntwo."
    )
    before = Achievement.objects.values().get()

    response = save(admin_client, change_page(medal), "achievement_form")

    assert response.status_code == 302
    assert Achievement.objects.values().get() == before


def test_staff_edit_an_achievement_but_not_its_key(admin_client):
    medal = AchievementFactory(key="walks", name="Walks")

    save(
        admin_client,
        change_page(medal),
        "achievement_form",
        key="other",
        name="Ten walks",
    )

    medal.refresh_from_db()
    assert (medal.key, medal.name) == ("walks", "Ten walks")
    [(_kind, _name, message)] = logged()
    assert message == "Changed Name: Walks → Ten walks."


def test_the_criterion_can_be_changed(admin_client, activity):
    medal = AchievementFactory(criterion="activity_count", activity=activity)

    save(
        admin_client,
        change_page(medal),
        "achievement_form",
        criterion="level",
        activity="",
    )

    medal.refresh_from_db()
    assert (medal.criterion, medal.activity) == ("level", None)


def test_the_form_explains_the_criterion(admin_client):
    medal = AchievementFactory(criterion="longest_streak", threshold=7)

    html = admin_client.get(change_page(medal)).content.decode()

    assert "Users earn it when they have been active on 7 days in a row." in html


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({}, ""),
        ({"criterion": "level"}, ""),
        ({"criterion": "level", "threshold": "x"}, ""),
        ({"criterion": "no_such", "threshold": "5"}, ""),
        ({"criterion": "activity_count", "threshold": "5"}, ""),
        ({"criterion": "manual"}, "Nobody earns it; staff award it by hand."),
        (
            {"criterion": "level", "threshold": "5"},
            "Users earn it when they reach level 5.",
        ),
    ],
)
def test_the_sentence_explains_a_half_filled_form(admin_client, query, sentence):
    assert admin_client.get(SENTENCE, query).json() == {"sentence": sentence}


def test_the_sentence_names_the_activity(admin_client, activity):
    query = {"criterion": "activity_count", "threshold": 5, "activity": activity.pk}

    assert admin_client.get(SENTENCE, query).json() == {
        "sentence": "Users earn it when they have done “Walk” 5 times."
    }


def test_the_form_of_an_achievement_offers_no_deletion_of_activities(
    admin_client, activity
):
    html = admin_client.get(ADD).content.decode()

    assert "add_id_activity" in html
    assert "delete_id_activity" not in html


def test_an_achievement_with_holders_cannot_be_deleted(admin_client, user):
    medal = AchievementFactory(key="walks")
    award_achievement(user, "walks")
    address = reverse("admin:gamification_achievement_delete", args=[medal.pk])

    response = admin_client.post(address, {"post": "yes"})

    assert response.context["protected"]
    assert Achievement.objects.filter(key="walks").exists()


def test_an_achievement_without_holders_can_be_deleted(admin_client):
    medal = AchievementFactory(key="walks")
    address = reverse("admin:gamification_achievement_delete", args=[medal.pk])

    admin_client.post(address, {"post": "yes"})

    assert not Achievement.objects.exists()


def test_viewers_see_everything_and_change_nothing(viewer, trio):
    before = list(Achievement.objects.values())
    pages = [viewer.get(LIST), viewer.get(change_page(trio[0])), viewer.get(SENTENCE)]
    posts = [
        viewer.post(ADD, NEW),
        viewer.post(change_page(trio[0]), NEW),
        viewer.post(LIST, {"_save": "1", "form-TOTAL_FORMS": 0}),
        viewer.post(LIST, {"_move": "1:up"}),
    ]

    assert [page.status_code for page in pages] == [200] * 3
    assert [post.status_code for post in posts] == [403] * 4
    assert "_move" not in pages[0].content.decode()
    assert list(Achievement.objects.values()) == before


def test_users_without_permissions_are_refused(client, staff):
    client.force_login(staff)

    assert client.get(LIST).status_code == 403
    assert client.get(SENTENCE).status_code == 403


def test_pages_work_under_a_strict_content_security_policy(admin_client, trio):
    pages = [admin_client.get(each) for each in (LIST, ADD, change_page(trio[0]))]

    assert [refused_inline(page) for page in pages] == [[], [], []]


@pytest.mark.parametrize(
    "changes",
    [
        {"form-TOTAL_FORMS": "x"},
        {"form-TOTAL_FORMS": ""},
        {"form-TOTAL_FORMS": "9" * 9},
        {"form-INITIAL_FORMS": "0"},
        {"form-0-id": ""},
        {"form-0-id": "x"},
        {"form-0-id": "\0"},
        {"form-0-id": "-1"},
        {"form-0-id": "9" * 40},
        {"form-0-id": "9" * 5_000},
        {"form-0-tag": "\0"},
        {"form-0-xp_reward": "9" * 5_000},
        {"form-0-threshold": "\0"},
        {"form-0-status": "gold"},
        {"form-0-position": str(2**63)},
        {"initial-form-0-xp_reward": "x", "form-0-tag": ""},
    ],
    ids=str,
)
@pytest.mark.parametrize("button", ["_save", "_move"])
def test_a_manipulated_list_saves_nothing(admin_client, trio, changes, button):
    before = list(Achievement.objects.values())
    fields = filled_in(admin_client.get(LIST), "changelist-form")

    response = admin_client.post(
        LIST, fields | {"form-0-xp_reward": "70", button: "1:over"} | changes
    )

    assert response.status_code in {200, 400}
    assert list(Achievement.objects.values()) == before


def test_a_new_achievement_is_a_draft_with_a_key_from_its_name(admin_client):
    response = admin_client.get(ADD)

    assert filled_in(response, "achievement_form")["status"] == "draft"
    assert response.context["adminform"].prepopulated_fields[0]["field"].name == "key"


@pytest.fixture
def held(user):
    """An achievement that somebody holds."""
    medal = AchievementFactory(key="held", name="Held")
    award_achievement(user, medal.key)
    return medal


def retire_page(row):
    return reverse("admin:gamification_achievement_retire", args=[row.pk])


def test_an_achievement_that_is_held_can_be_retired_instead(admin_client, held):
    delete = reverse("admin:gamification_achievement_delete", args=[held.pk])
    html = admin_client.get(delete).text

    response = admin_client.post(retire_page(held), follow=True)

    held.refresh_from_db()
    assert f'action="{retire_page(held)}"' in html
    assert "“\u2068Held\u2069” is retired: its holders keep it." in response.text
    assert held.status == "retired"
    assert logged() == [("achievement", "Held", "Changed Status: active → retired.")]


def test_what_is_retired_is_not_retired_again(admin_client, held):
    Achievement.objects.update(status="retired")

    admin_client.post(retire_page(held))

    assert logged() == []


def test_what_nobody_holds_is_deleted_without_such_an_offer(admin_client):
    medal = AchievementFactory()
    delete = reverse("admin:gamification_achievement_delete", args=[medal.pk])

    assert "/retire/" not in admin_client.get(delete).text


def test_a_look_retires_nothing(admin_client, held):
    assert admin_client.get(retire_page(held)).status_code == 405


def test_what_does_not_exist_cannot_be_retired(admin_client):
    address = reverse("admin:gamification_achievement_retire", args=[0])

    assert admin_client.post(address).status_code == 404


def test_only_editors_retire(viewer, held):
    assert viewer.post(retire_page(held)).status_code == 403


def test_a_row_says_what_is_wrong_with_a_field_that_the_list_lacks(admin_client, trio):
    Achievement.objects.filter(key="a").update(conditions={"holds": "gone"})

    response = save_list(admin_client, **{"form-0-threshold": "7"})

    [errors, *others] = response.context["cl"].formset.errors
    assert errors == {
        "__all__": ["Staff award it by hand, so this does not count. Leave it empty."]
    }
    assert others == [{}, {}]
    assert Achievement.objects.get(key="a").threshold == 1
