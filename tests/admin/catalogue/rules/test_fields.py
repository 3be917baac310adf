from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import Achievement
from gamification.staff import edit_achievement
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

ADD = reverse("admin:gamification_achievement_add")
SENTENCE = reverse("admin:gamification_achievement_sentence")
LEVEL = {"criterion": "level", "threshold": 5}
BOOKS = {"where": [["genre", "in", ["fantasy", "horror"]]]}
JUNE = {"since": "2026-06-01", "until": "2026-07-01"}


class Form(HTMLParser):
    """Reads what a browser would send of a page, without scripts."""

    def __init__(self, response):
        super().__init__()
        self.sent, self.buttons, self._select, self._hidden = {}, set(), "", 0
        self.feed(response.content.decode())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        name, value = given.get("name"), given.get("value") or ""
        if tag == "template":
            self._hidden += 1
        if self._hidden:
            return
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in given or self._select not in self.sent:
                self.sent[self._select] = value
        elif tag == "button":
            self.buttons.add(f"{name}={value}")
        elif tag == "input" and given.get("type") in {"checkbox", "radio"}:
            if "checked" in given:
                self.sent[name] = value if "value" in given else "on"
        elif tag == "input" and given.get("type") not in {"submit", "file"}:
            self.sent[name] = value

    def handle_endtag(self, tag):
        if tag == "template":
            self._hidden -= 1
        elif tag == "select":
            self._select = ""


@pytest.fixture
def review(db):
    types = {"genre": "string", "pages": "integer", "spoiler": "boolean"}
    return ActivityFactory(key="review", name="Review", attributes=types)


@pytest.fixture
def fan(review):
    AchievementFactory(key="newcomer", name="Newcomer")
    return AchievementFactory(
        key="fan",
        name="Fan",
        criterion="activity_count",
        activity=review,
        threshold=10,
        status="draft",
    )


def change_page(item):
    return reverse("admin:gamification_achievement_change", args=[item.pk])


def errors_in(response):
    page = response.content.decode()
    return [text.strip() for text in re.findall(r"<li>([^<]+)</li>", page)]


class Editor:
    """Fills the form of an achievement as somebody without scripts does."""

    def __init__(self, client, address):
        self._client, self._address = client, address
        self.page = client.get(address)
        self.form = Form(self.page)

    def press(self, button, **fields):
        """Press a button that changes the rows; nothing must be written."""
        name, _, value = button.partition("=")
        assert button in self.form.buttons
        before = everything()
        self._send({name: value, **fields})
        assert everything() == before

    def save(self, name="_save", **fields):
        self._send({name: "1", **fields})
        return self.page

    def _send(self, fields):
        data = {**self.form.sent, "description": "", **fields}
        self.page = self._client.post(self._address, data)
        if self.page.status_code == 200:
            self.form = Form(self.page)


def test_a_rule_is_built_without_scripts(admin_client, fan):
    editor = Editor(admin_client, change_page(fan))
    editor.press("_rule=filter:counting")
    editor.press(
        "_rule=add:conditions",
        **{
            "counting-where-0-attribute": "genre",
            "counting-where-0-operator": "in",
            "counting-where-0-value": "fantasy, horror",
            "counting-first": "2026-06-01",
            "counting-last": "2026-06-30",
            "conditions-new": "holds",
        },
    )
    saved = editor.save(**{"conditions-0-achievement": "newcomer"})

    assert saved.status_code == 302
    fan.refresh_from_db()
    assert fan.counting == {**BOOKS, "window": JUNE}
    assert fan.conditions == {"holds": "newcomer"}


def test_nested_groups_are_built_without_scripts(admin_client, fan):
    editor = Editor(admin_client, change_page(fan))
    editor.press("_rule=add:conditions", **{"conditions-new": "any"})
    editor.press("_rule=add:conditions-0", **{"conditions-0-new": "any"})
    editor.press("_rule=add:conditions-0-0", **{"conditions-0-0-new": "level"})
    assert "_rule=add:conditions-0-0" in editor.form.buttons
    editor.press("_rule=add:conditions-0", **{"conditions-0-new": "total_xp"})
    editor.press(
        "_rule=add:conditions",
        **{"conditions-new": "active_days", "conditions-0-0-0-threshold": "5"},
    )
    editor.save(
        **{
            "conditions-kind": "at_least",
            "conditions-least": "2",
            "conditions-0-1-threshold": "500",
            "conditions-1-threshold": "3",
            "conditions-1-days": "7",
        }
    )

    fan.refresh_from_db()
    assert fan.conditions == {
        "at_least": 2,
        "of": [
            {"any": [{"any": [LEVEL]}, {"criterion": "total_xp", "threshold": 500}]},
            {"criterion": "active_days", "threshold": 3, "window": {"days": 7}},
        ],
    }


TREE = {
    "all": [
        {"any": [LEVEL, {"lacks": "newcomer"}]},
        {
            "criterion": "activity_count",
            "activity": "review",
            "threshold": 3,
            "where": [["pages", "at_least", 100], ["spoiler", "is", False]],
            "distinct": "genre",
            "window": JUNE,
        },
        {
            "criterion": "longest_streak",
            "threshold": 7,
            "window": {"until": "2026-07-01"},
        },
    ]
}


def test_a_stored_rule_is_shown_and_saved_as_it_is(admin_client, fan, staff):
    sums = {**BOOKS, "sum": "pages", "window": {"days": 7}}
    edit_achievement("fan", actor=staff, expected=None, counting=sums, conditions=TREE)
    before = everything()

    editor = Editor(admin_client, change_page(fan))
    editor.save()

    assert everything() == before
    assert editor.form.sent["counting-where-0-value"] == "fantasy, horror"
    assert editor.form.sent["conditions-1-last"] == "2026-06-30"
    assert editor.form.sent["conditions-1-where-1-value"] == "no"


def test_a_value_with_a_comma_is_quoted(admin_client, fan, staff):
    genres = ["a, b", 'so "called"', "c"]
    counting = {"where": [["genre", "in", genres]]}
    edit_achievement("fan", actor=staff, expected=None, counting=counting)

    editor = Editor(admin_client, change_page(fan))
    editor.save(xp_reward="7")

    value = editor.form.sent["counting-where-0-value"]
    assert value == '"a, b", "so ""called""", c'
    fan.refresh_from_db()
    assert (fan.counting, fan.xp_reward) == (counting, 7)


def test_rows_are_removed(admin_client, fan, staff):
    edit_achievement("fan", actor=staff, expected=None, counting=BOOKS, conditions=TREE)

    editor = Editor(admin_client, change_page(fan))
    editor.press("_rule=remove:counting-where-0")
    editor.press("_rule=remove:conditions-1-where-0")
    editor.press("_rule=remove:conditions-0-0")
    editor.press("_rule=remove:conditions-2")
    editor.save()

    fan.refresh_from_db()
    assert fan.counting == {}
    [group, count] = fan.conditions["all"]
    assert group == {"any": [{"lacks": "newcomer"}]}
    assert count["where"] == [["spoiler", "is", False]]


def test_all_conditions_are_removed(admin_client, fan, staff):
    edit_achievement("fan", actor=staff, expected=None, conditions=LEVEL)

    editor = Editor(admin_client, change_page(fan))
    editor.press("_rule=remove:conditions-0")
    editor.save()

    fan.refresh_from_db()
    assert fan.conditions is None


def test_errors_are_shown_at_their_rows(admin_client, fan, staff):
    edit_achievement("fan", actor=staff, expected=None, counting=BOOKS, conditions=TREE)

    editor = Editor(admin_client, change_page(fan))
    page = editor.save(
        **{
            "counting-where-0-value": "",
            "conditions-0-0-threshold": "many",
            "conditions-1-where-0-value": "long",
            "conditions-1-first": "2026-08-01",
            "conditions-2-threshold": "",
        }
    )

    found = errors_in(page)
    assert found.count("Correct what is marked below.") == 2
    assert "This must be a list of 1 to 100 values." in found
    assert (
        "The value 'long' is not of the type integer."
        in page.content.decode().replace("&#x27;", "'")
    )
    rows = page.content.decode().split('data-row="')
    [own] = [row for row in rows if row.startswith('conditions-0-0"')]
    assert "This must be a whole number from 1 to" in own
    assert Achievement.objects.get(key="fan").conditions == TREE


def test_a_tree_with_a_group_that_lacks_conditions_is_refused(admin_client, fan):
    editor = Editor(admin_client, change_page(fan))
    editor.press("_rule=add:conditions", **{"conditions-new": "any"})
    page = editor.save()

    assert "A group has a list of 1 to 20 conditions." in errors_in(page)


def test_a_cycle_is_shown_at_the_conditions(admin_client, fan, staff):
    edit_achievement("newcomer", actor=staff, expected=None, criterion="level")
    edit_achievement(
        "newcomer", actor=staff, expected=None, conditions={"holds": "fan"}
    )

    editor = Editor(admin_client, change_page(fan))
    editor.press("_rule=add:conditions", **{"conditions-new": "lacks"})
    page = editor.save(**{"conditions-0-achievement": "newcomer"})

    text = "Achievements cannot require each other: fan → newcomer → fan."
    assert text in errors_in(page)


def test_a_new_achievement_has_a_rule(admin_client, review):
    editor = Editor(admin_client, ADD)
    editor.press(
        "_rule=filter:counting",
        name="Long",
        key="long",
        category="mastery",
        criterion="activity_count",
        activity=review.pk,
        threshold="1000",
    )
    editor.save(
        **{
            "counting-measure": "sum",
            "counting-attribute": "pages",
            "counting-where-0-attribute": "spoiler",
            "counting-where-0-operator": "is",
            "counting-where-0-value": "No",
        }
    )

    item = Achievement.objects.get(key="long")
    assert item.counting == {"where": [["spoiler", "is", False]], "sum": "pages"}


def test_the_rule_is_read_in_words_while_it_is_built(admin_client, fan):
    editor = Editor(admin_client, change_page(fan))
    editor.press("_rule=add:conditions", **{"conditions-new": "holds"})
    data = {**editor.form.sent, "conditions-0-achievement": "newcomer"}

    answer = admin_client.post(SENTENCE, data).json()

    assert answer["sentence"] == (
        "Users earn it when they have done “Review” 10 times, and hold “Newcomer”."
    )


def test_a_rule_that_is_wrong_has_no_words(admin_client, fan):
    editor = Editor(admin_client, change_page(fan))
    editor.press("_rule=add:conditions", **{"conditions-new": "holds"})

    assert '<span id="gam-in-words">–</span>' in editor.page.content.decode()
    assert admin_client.post(SENTENCE, editor.form.sent).json() == {"sentence": ""}


def test_somebody_elses_conditions_are_not_overwritten(admin_client, fan, staff):
    editor = Editor(admin_client, change_page(fan))
    edit_achievement("fan", actor=staff, expected=None, conditions=LEVEL, threshold=11)

    page = editor.save(xp_reward="70")
    assert "Further conditions: now \u2068another rule\u2069" in page.content.decode()
    editor.save()

    fan.refresh_from_db()
    assert (fan.conditions, fan.threshold, fan.xp_reward) == (LEVEL, 11, 70)


def test_whoever_cannot_edit_reads_the_rule_in_words(client, fan, staff):
    edit_achievement("fan", actor=staff, expected=None, conditions=LEVEL)
    reader = UserFactory(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_achievement"))
    client.force_login(reader)

    page = client.get(change_page(fan)).content.decode()

    assert "have done “Review” 10 times, and reach level 5." in page
    assert "conditions-kind" not in page


def test_the_list_shows_the_whole_requirement(admin_client, fan, staff):
    edit_achievement("fan", actor=staff, expected=None, conditions=LEVEL)

    page = admin_client.get(reverse("admin:gamification_achievement_changelist"))

    assert "10 × Review, and level 5" in page.content.decode()


@pytest.mark.parametrize(
    "act",
    [
        *("remove:conditions-7", "add:conditions-9", "x", ""),
        *("filter:conditions", "remove:conditions", "add:counting-x"),
    ],
)
def test_a_button_of_a_row_that_is_gone_changes_nothing(admin_client, fan, act):
    editor = Editor(admin_client, change_page(fan))
    editor.form.buttons.add(f"_rule={act}")
    editor.press(f"_rule={act}")

    assert "conditions-0-kind" not in editor.form.sent


@pytest.mark.parametrize("sent", ["x", "[]", "{}", "7"])
def test_what_is_no_draft_is_ignored(admin_client, fan, staff, sent):
    edit_achievement("fan", actor=staff, expected=None, counting=BOOKS, conditions=TREE)
    editor = Editor(admin_client, change_page(fan))

    editor.save(counting=sent, conditions=sent)

    fan.refresh_from_db()
    assert (fan.counting, fan.conditions) == (BOOKS, TREE)


@pytest.mark.parametrize("name", ["conditions", "counting"])
@pytest.mark.parametrize(
    "value", ["", "x", "[]", "null", '{"parts": [1]}', "[" * 3_000]
)
def test_an_address_fills_in_no_rule(admin_client, name, value):
    response = admin_client.get(ADD, {name: value, "name": "Gold"})

    assert response.status_code == 200
    assert Form(response).sent["name"] == "Gold"


@pytest.mark.parametrize("name", ["conditions", "counting"])
def test_a_rule_that_is_nested_too_deep_is_none(admin_client, name):
    response = admin_client.post(SENTENCE, {**LEVEL, name: "[" * 100_000})

    assert response.json()["sentence"].startswith("Users earn it")
