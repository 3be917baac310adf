from __future__ import annotations

import logging

import pytest
from django.db import connection

from gamification.domain.levels import LEVEL_THRESHOLDS
from gamification.exceptions import (
    InvalidDefinitionsError,
    LevelsPinnedError,
    StaleEditError,
)
from gamification.models import Level
from gamification.services import record_activity
from gamification.services.levels import editing
from gamification.staff import (
    LevelRule,
    get_levels,
    levels_tag,
    make_table,
    read_levels,
    save_levels,
)
from gamification.values import LevelChange
from tests.inspection import everything, profile_of
from tests.services.levels.conftest import save
from tests.services.many.conftest import finish

pytestmark = pytest.mark.django_db

NAMED = (
    LevelRule(1, 0, "Newcomer", "🌱"),
    LevelRule(2, 100, "Explorer", translations={"de": "Entdecker"}),
)


def test_without_a_row_the_levels_of_the_app_hold():
    levels = get_levels()

    assert tuple(level.threshold for level in levels) == LEVEL_THRESHOLDS
    assert levels[29] == LevelRule(30, 21_750)


def test_saved_levels_hold_from_then_on(user, activity):
    saved = save_levels(NAMED, actor=None, expected=None)

    assert get_levels() == NAMED
    assert len(saved.changes) == 30
    assert saved.changes[1] == LevelChange(LevelRule(2, 50), NAMED[1])
    assert saved.changes[29] == LevelChange(LevelRule(30, 21_750), None)
    assert record_activity(user, "walk", quantity=9).level == 1


def test_a_celebration_has_the_name_of_the_level(user, activity):
    save_levels(NAMED, actor=None, expected=None)

    [celebration] = record_activity(user, "walk", quantity=10).celebrations

    assert celebration.data == {
        "from": 1,
        "to": 2,
        "levels": [2],
        "name": "Explorer",
        "translations": {"de": "Entdecker"},
    }


def test_other_names_move_nobody(user, activity):
    record_activity(user, "walk", quantity=30)
    levels = get_levels()

    saved = save_levels(
        [levels[0]._replace(name="Newcomer"), *levels[1:]], actor=None, expected=None
    )

    assert (len(saved.changes), saved.job) == (1, None)
    assert Level.objects.count() == 30


def test_a_site_without_users_needs_no_job():
    assert save(0, 30).job is None


def test_the_same_levels_change_nothing():
    save(0, 30)
    before = everything()

    saved = save(0, 30)

    assert saved.changes == ()
    assert everything() == before


def test_rows_stay_where_the_table_shrinks_or_grows():
    save(0, 30, 60)
    kept = Level.objects.get(number=2).pk

    save(0, 40)
    save(0, 40, 80, 120)

    rows = Level.objects.values_list("pk", "number", "threshold")
    assert (kept, 2, 40) in rows
    assert [level.threshold for level in get_levels()] == [0, 40, 80, 120]


def test_somebody_elses_table_is_not_overwritten():
    seen = levels_tag(get_levels())
    save(0, 30)

    with pytest.raises(StaleEditError):
        save(0, 40, expected=seen)

    assert save(0, 40, expected=levels_tag(get_levels())).changes


def test_two_first_tables_at_once_are_a_conflict(monkeypatch):
    locked = editing._locked_rows

    def lose(*args):
        rows = locked()
        Level.objects.create(number=1, threshold=0)
        return rows

    monkeypatch.setattr(editing, "_locked_rows", lose)

    with pytest.raises(StaleEditError):
        save(0, 30)


def test_levels_of_the_settings_cannot_be_edited(settings):
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 30)}

    with pytest.raises(LevelsPinnedError) as caught:
        save(0, 40)

    assert caught.value.code == "levels_pinned"
    assert not Level.objects.exists()


def test_names_stay_where_the_settings_pin_the_levels(settings):
    save_levels(NAMED, actor=None, expected=None)
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 30, 60)}

    assert get_levels() == (
        NAMED[0],
        NAMED[1]._replace(threshold=30),
        LevelRule(3, 60),
    )


def test_an_edit_is_logged(staff, caplog, django_capture_on_commit_callbacks):
    with (
        caplog.at_level(logging.INFO, "gamification"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        save(0, *LEVEL_THRESHOLDS[1:29], actor=staff)

    assert caplog.messages == [f"Levels changed by user {staff.pk}: 1."]


def test_recording_takes_no_statement_more_for_levels(user, activity):
    def statements():
        with connection.execute_wrapper(count):
            record_activity(user, "walk")
        return len(seen)

    seen = []

    def count(execute, sql, *args):
        seen.append(sql)
        return execute(sql, *args)

    record_activity(user, "walk")
    before = statements()
    finish(save(0, 500).job)
    record_activity(user, "walk")
    seen.clear()

    assert statements() == before
    assert profile_of(user).level == 1


@pytest.mark.parametrize(
    ("items", "errors"),
    [
        ({}, [("levels", "This is an object, not a list.")]),
        ([{"threshold": 0}] * 501, [("levels", "There are more than 500 levels.")]),
        ([5], [("levels[0]", "This is a whole number, not an object.")]),
        ([{}], [("levels[0].threshold", "This field is required.")]),
        (
            [{"threshold": 5}],
            [("levels[0].threshold", "The first level begins at 0 XP.")],
        ),
        (
            [{"threshold": 0}, {"threshold": 1_500}, {"threshold": 1_500}],
            [("levels[2].threshold", "Level 3 must begin above 1,500 XP.")],
        ),
        (
            [{"threshold": "0", "name": 5, "treshold": 0}],
            [
                (
                    "levels[0].treshold",
                    "There is no such field. Did you mean 'threshold'?",
                ),
                ("levels[0].threshold", "This is a text, not a whole number."),
                ("levels[0].name", "This is a whole number, not a text."),
            ],
        ),
        (
            [{"threshold": 0, "translations": []}],
            [("levels[0].translations", "This is a list, not an object.")],
        ),
        (
            [{"threshold": 0, "translations": {"German!": "A", "de": 5}}],
            [
                (
                    "levels[0].translations",
                    "'German!' is not the code of a language, such as de or pt-br.",
                ),
                ("levels[0].translations", "This is a whole number, not a text."),
            ],
        ),
        (
            [{"threshold": 0, "translations": {f"a{n:02}": "" for n in range(51)}}],
            [("levels[0].translations", "There are more than 50 languages.")],
        ),
    ],
)
def test_every_mistake_in_a_table_is_reported(items, errors):
    with pytest.raises(InvalidDefinitionsError) as caught:
        read_levels(items)

    assert caught.value.errors == errors


def test_the_message_has_the_first_mistake():
    with pytest.raises(InvalidDefinitionsError) as caught:
        read_levels([{"threshold": 0}, {"threshold": -1}, {"threshold": "9"}])

    first = "levels[1].threshold: Ensure this value is greater than or equal to 0."
    assert str(caught.value) == (f"The definitions are invalid. {first} (and 1 more)")


def test_an_empty_table_cannot_be_saved():
    with pytest.raises(InvalidDefinitionsError) as caught:
        save_levels((), actor=None, expected=None)

    assert caught.value.errors == [("levels", "Give at least one level.")]


def test_a_table_is_read_with_its_comments():
    levels = read_levels([{"threshold": 0, "comment": "The first."}, {"threshold": 9}])

    assert levels == make_table([0, 9], ())
