from __future__ import annotations

import pytest
from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.urls import reverse
from django.utils.html import escape, strip_tags

from gamification.admin.catalogue.achievements import AchievementAdmin
from gamification.admin.catalogue.ordering import dealt
from gamification.exceptions import InvalidDefinitionError
from gamification.models import Achievement
from gamification.services import (
    award_achievement,
    record_activity,
)
from tests.admin.browsing import filled_in, refused_inline
from tests.factories import AchievementFactory, ActivityFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

LIST = reverse("admin:gamification_achievement_changelist")
ADD = reverse("admin:gamification_achievement_add")
SENTENCE = reverse("admin:gamification_achievement_sentence")

NEW = {
    "key": "walk_10",
    "name": "Ten walks",
    "category": "milestones",
    "criterion": "manual",
    "threshold": 10,
    "xp_reward": 50,
    "status": "active",
    "position": 0,
}

#: What somebody else makes meanwhile.
TAKEN = {"name": "Walks", "category": "mastery", "criterion": "manual"}


@pytest.fixture(autouse=True)
def rarity_is_worked_out_anew():
    cache.clear()
    yield
    cache.clear()


def change_page(row):
    return reverse("admin:gamification_achievement_change", args=[row.pk])


def cells(response, name):
    """Return the texts of a column, by the name that its cells have."""
    html = response.content.decode()
    return [
        part.partition(">")[2].partition("</td>")[0]
        for part in html.split(f'<td class="field-{name}"')[1:]
    ]


def save(client, address, form, **changes):
    """Open a page, change what is named, and save it."""
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
    """Three achievements in the order of their names, all at one position."""
    return [AchievementFactory(key=key, name=key.title()) for key in ("a", "b", "c")]


@pytest.fixture
def looker(client, staff):
    """A client of somebody who may see everything, and do nothing."""
    views = Permission.objects.filter(codename__startswith="view_")
    staff.user_permissions.set(views)
    client.force_login(staff)
    return client


def order():
    return list(Achievement.objects.values_list("key", "position"))


def test_a_criterion_is_listed_in_words_above_the_category(admin_client, activity):
    AchievementFactory(criterion="activity_count", activity=activity, threshold=50)
    AchievementFactory(criterion="longest_streak", threshold=7, category="streaks")

    shown = cells(admin_client.get(LIST), "criterion_in_words")

    assert [strip_tags(cell) for cell in shown] == [
        "50 × Walk milestones",
        "streak of 7 days streaks",
    ]


def test_who_holds_an_achievement_is_a_click_away(admin_client, activity):
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


def test_where_nobody_did_anything_nothing_is_rare(admin_client):
    AchievementFactory()

    [cell] = cells(admin_client.get(LIST), "held")

    assert cell.endswith(">0</a>")


def test_who_may_not_see_holders_sees_how_many_they_are(client, staff):
    AchievementFactory()
    staff.user_permissions.add(Permission.objects.get(codename="view_achievement"))
    client.force_login(staff)

    assert cells(client.get(LIST), "held") == ["0"]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{7*7}}", "\u202eabc"])
def test_a_name_is_only_a_name(admin_client, name):
    AchievementFactory(name=name, icon=name[:50], criterion="manual")

    html = admin_client.get(LIST).content.decode()

    assert f"<bdi>{escape(name)}</bdi>" in html
    assert "<script>alert" not in html


def test_the_list_takes_as_many_queries_for_more_achievements(
    admin_client, django_assert_num_queries
):
    AchievementFactory(criterion="activity_count", activity=ActivityFactory())
    admin_client.get(LIST)
    # The session, its user, the activities of the filter, two counts, the rows.
    with django_assert_num_queries(6):
        admin_client.get(LIST)
    for _ in range(20):
        AchievementFactory(criterion="activity_count", activity=ActivityFactory())

    with django_assert_num_queries(6):
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
def test_a_query_that_means_nothing_is_no_fault_of_the_site(admin_client, query):
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
        ("achievement", "A", "Changed XP reward."),
        ("achievement", "B", "Changed Threshold."),
        ("achievement", "C", "Changed Status and Position."),
    ]


def test_what_is_wrong_in_the_list_saves_nothing_of_it(admin_client, trio):
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
def test_a_row_that_cannot_move_stays_where_it_is(admin_client, trio, move):
    fields = filled_in(admin_client.get(LIST), "changelist-form")

    response = admin_client.post(LIST, fields | {"_move": move})

    assert response.status_code == 302
    assert "".join(key for key, _ in order()) == "abc"


def test_a_move_changes_no_more_positions_than_it_must(admin_client, trio):
    for row, position in zip(trio, [10, 20, 30], strict=True):
        Achievement.objects.filter(pk=row.pk).update(position=position)
    fields = filled_in(admin_client.get(LIST), "changelist-form")

    admin_client.post(LIST, fields | {"_move": "1:up"})

    assert order() == [("b", 10), ("a", 20), ("c", 30)]
    assert [name for _, name, _ in logged()] == ["A", "B"]


def test_a_move_saves_what_else_was_edited(admin_client, trio):
    fields = filled_in(admin_client.get(LIST), "changelist-form")

    admin_client.post(LIST, fields | {"_move": "0:down", "form-2-xp_reward": 70})

    assert [key for key, _ in order()] == ["b", "a", "c"]
    assert Achievement.objects.get(key="c").xp_reward == 70


def test_a_position_that_is_none_is_told_and_nothing_moves(admin_client, trio):
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
def test_positions_are_dealt_out_once_each(positions, result):
    assert dealt(positions) == result


def test_rows_in_another_order_do_not_move(admin_client, trio):
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


def test_an_achievement_that_counts_an_activity_names_it(admin_client):
    response = admin_client.post(ADD, NEW | {"criterion": "activity_count"})

    errors = response.context["adminform"].form.non_field_errors()
    assert errors == ["An activity is set exactly where the criterion counts one."]


def test_a_key_that_somebody_takes_meanwhile_is_told(admin_client, monkeypatch):
    view = ModelAdmin.changeform_view

    def refuse(**values):
        raise InvalidDefinitionError

    def view_late(self, *args):
        try:
            return view(self, *args)
        finally:
            Achievement.objects.get_or_create(key="walk_10", defaults=TAKEN)

    monkeypatch.setattr(AchievementAdmin, "create", refuse)
    monkeypatch.setattr(ModelAdmin, "changeform_view", view_late)

    response = admin_client.post(ADD, NEW)

    assert response.context["adminform"].form.errors == {
        "key": ["Achievement with this Key already exists."]
    }


def test_a_new_achievement_comes_last(admin_client, trio):
    Achievement.objects.filter(key="c").update(position=7)

    assert filled_in(admin_client.get(ADD), "achievement_form")["position"] == "8"


def test_the_first_achievement_comes_first(admin_client):
    assert filled_in(admin_client.get(ADD), "achievement_form")["position"] == "0"


def test_a_form_is_saved_as_it_is(admin_client, activity):
    medal = AchievementFactory(
        criterion="activity_count", activity=activity, description="One\ntwo."
    )
    before = Achievement.objects.values().get()

    response = save(admin_client, change_page(medal), "achievement_form")

    assert response.status_code == 302
    assert Achievement.objects.values().get() == before


def test_staff_edit_an_achievement_but_not_its_key(admin_client):
    medal = AchievementFactory(key="walks")

    save(
        admin_client,
        change_page(medal),
        "achievement_form",
        key="other",
        name="Ten walks",
    )

    medal.refresh_from_db()
    assert (medal.key, medal.name) == ("walks", "Ten walks")
    assert logged() == [("achievement", "Ten walks", "Changed Name.")]


def test_what_counted_an_activity_may_count_something_else(admin_client, activity):
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


def test_a_form_says_in_words_what_is_measured(admin_client):
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
def test_what_is_measured_is_told_while_it_is_filled_in(admin_client, query, sentence):
    assert admin_client.get(SENTENCE, query).json() == {"sentence": sentence}


def test_what_is_counted_is_told_while_it_is_filled_in(admin_client, activity):
    query = {"criterion": "activity_count", "threshold": 5, "activity": activity.pk}

    assert admin_client.get(SENTENCE, query).json() == {
        "sentence": "Users earn it when they have done “Walk” 5 times."
    }


def test_the_activity_is_not_deleted_from_the_form_of_what_counts_it(
    admin_client, activity
):
    html = admin_client.get(ADD).content.decode()

    assert "add_id_activity" in html
    assert "delete_id_activity" not in html


def test_an_achievement_that_somebody_holds_is_not_deleted(admin_client, user):
    medal = AchievementFactory(key="walks")
    award_achievement(user, "walks")
    address = reverse("admin:gamification_achievement_delete", args=[medal.pk])

    response = admin_client.post(address, {"post": "yes"})

    assert response.context["protected"]
    assert Achievement.objects.filter(key="walks").exists()


def test_an_achievement_that_nobody_holds_is_deleted(admin_client):
    medal = AchievementFactory(key="walks")
    address = reverse("admin:gamification_achievement_delete", args=[medal.pk])

    admin_client.post(address, {"post": "yes"})

    assert not Achievement.objects.exists()


def test_who_may_only_look_sees_all_and_changes_nothing(looker, trio):
    before = list(Achievement.objects.values())
    pages = [looker.get(LIST), looker.get(change_page(trio[0])), looker.get(SENTENCE)]
    posts = [
        looker.post(ADD, NEW),
        looker.post(change_page(trio[0]), NEW),
        looker.post(LIST, {"_save": "1", "form-TOTAL_FORMS": 0}),
        looker.post(LIST, {"_move": "1:up"}),
    ]

    assert [page.status_code for page in pages] == [200] * 3
    assert [post.status_code for post in posts] == [403] * 4
    assert "_move" not in pages[0].content.decode()
    assert list(Achievement.objects.values()) == before


def test_who_may_see_nothing_is_told_nothing(client, staff):
    client.force_login(staff)

    assert client.get(LIST).status_code == 403
    assert client.get(SENTENCE).status_code == 403


def test_pages_run_under_a_strict_policy(admin_client, trio):
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
def test_a_list_that_nobody_was_shown_saves_nothing(
    admin_client, trio, changes, button
):
    before = list(Achievement.objects.values())
    fields = filled_in(admin_client.get(LIST), "changelist-form")

    response = admin_client.post(
        LIST, fields | {"form-0-xp_reward": "70", button: "1:over"} | changes
    )

    assert response.status_code in {200, 400}
    assert list(Achievement.objects.values()) == before
