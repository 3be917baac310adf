from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import time_machine

from gamification.models import Achievement
from gamification.services import (
    Rarity,
    adjust_xp,
    award_achievement,
    record_activity,
)
from tests.factories import AchievementFactory, UserFactory

pytestmark = pytest.mark.django_db

TAG = "{% gamification_achievements user %}"
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def names(html: str) -> list[str]:
    return re.findall(r'achievement__name">(.*?)</h3>', html)


def test_they_are_shown_by_category(render, user):
    html = render(TAG, user=user)

    assert re.findall(r'<section class="gamification" aria-label="(\w+)">', html) == [
        *("Exploration", "Milestones", "Streaks", "Mastery")
    ]
    assert 'Exploration <span class="gamification-muted">0 of 2</span>' in html


def test_a_site_has_its_own_categories(render, user, settings):
    habits = {"name": "good habits", "icon": "🌱", "order": -1}
    given_up = dict.fromkeys(["milestones", "streaks", "mastery"])
    settings.GAMIFICATION = {"CATEGORIES": {"habits": habits, **given_up}}
    Achievement.objects.filter(key="streak_7").update(category="habits")

    html = render(TAG, user=user)

    shown = re.findall(r'<section class="gamification" aria-label="(.*?)">', html)
    assert shown == ["Good habits", "Exploration", "Mastery", "Milestones", "Streaks"]
    badge = '<span class="gamification-badge" aria-hidden="true">🌱</span>'
    assert f'<h2 class="gamification-heading">{badge} Good habits' in html


def test_the_way_is_said_in_numbers(render, user):
    record_activity(user, "kpi_completed", quantity=46)

    html = render(TAG, user=user)

    assert ">46 of 50</label>" in html
    assert 'max="50" value="46"></progress>' in html
    assert ">+100 XP</span>" in html


def test_each_bar_has_its_own_label(render, user):
    html = render(TAG * 2, user=user)

    labels = re.findall(r'<label for="(.*?)">', html)
    bars = re.findall(r'<progress class="gamification-bar" id="(.*?)"', html)
    assert len({*labels}) == len(labels) == 22
    assert labels == bars


@time_machine.travel(NOON, tick=False)
def test_what_is_held_says_since_when(render, user):
    award_achievement(user, "kpi_10")

    html = render(TAG, user=user)

    assert 'data-state="held"' in html
    assert ">Unlocked on March 5, 2026</p>" in html
    assert 'Milestones <span class="gamification-muted">1 of 4</span>' in html


def test_what_was_met_and_not_awarded_is_no_further_than_its_target(render, user):
    record_activity(user, "kpi_completed", quantity=12)
    AchievementFactory(
        key="walks",
        criterion="activity_count",
        activity=Achievement.objects.get(key="kpi_10").activity,
        threshold=7,
    )

    assert ">7 of 7</label>" in render(TAG, user=user)


def test_what_is_held_may_come_first(render, user, no_achievements):
    for position, name in enumerate(["One", "Two", "Three"]):
        AchievementFactory(key=name.lower(), name=name, position=position)
    award_achievement(user, "three")

    by_position = render(TAG, user=user)
    held_first = render("{% gamification_achievements user order='held' %}", user=user)

    assert names(by_position) == ["One", "Two", "Three"]
    assert names(held_first) == ["Three", "One", "Two"]


def test_cards_have_one_of_two_orders(render, user):
    with pytest.raises(
        ValueError, match=r"^order is 'name', not 'position' or 'held'\.$"
    ):
        render("{% gamification_achievements user order='name' %}", user=user)


@pytest.mark.parametrize(
    ("xp", "words"), [(50, "Awarded by hand: +50 XP"), (0, "Awarded by hand")]
)
def test_what_people_award_has_no_way_to_go(render, user, no_achievements, xp, words):
    AchievementFactory(criterion="manual", xp_reward=xp, description="")

    html = render(TAG, user=user)

    assert f">{words}</p>" in html
    assert "<progress" not in html


def test_an_achievement_without_xp_promises_none(render, user, no_achievements):
    AchievementFactory(criterion="level", threshold=3, xp_reward=0)

    html = render(TAG, user=user)

    assert ">1 of 3</label>" in html
    assert "XP" not in html


def test_an_empty_catalogue_says_so(render, user, no_achievements):
    assert "There is nothing to unlock yet." in render(TAG, user=user)


def test_secrets_are_not_told(render, user):
    AchievementFactory(name="Big secret", is_secret=True)

    html = render(TAG, user=user)

    assert "secret" not in html.lower()


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 secret achievement"), (3, "3 secret achievements")]
)
def test_secrets_are_counted_where_the_site_says_so(
    render, user, settings, no_achievements, count, words
):
    settings.GAMIFICATION = {"SHOW_SECRET_COUNT": True}
    AchievementFactory.create_batch(count, is_secret=True)

    html = render(TAG, user=user)

    assert names(html) == [words]
    assert "nothing to unlock" not in html


@pytest.mark.parametrize(
    ("holders", "words"),
    [
        (1_000, "Held by 100%"),
        (412, "Held by 41%"),
        (10, "Held by 1%"),
        (4, "Held by less than 1%"),
        (0, "Held by nobody yet"),
    ],
)
def test_rarity_is_said_where_it_is_known(
    render, user, no_achievements, holders, words
):
    achievement = AchievementFactory()
    rarity = Rarity({achievement.pk: holders}, 1_000, NOON)

    html = render(
        "{% gamification_achievements user rarity=rarity %}", user=user, rarity=rarity
    )

    assert f">{words}</p>" in html


def test_rarity_among_nobody_is_not_known(render, user):
    html = render(
        "{% gamification_achievements user rarity=rarity %}",
        user=user,
        rarity=Rarity({}, 0, NOON),
    )

    assert "Held by" not in html


@pytest.mark.parametrize("count", [0, 489])
def test_it_takes_three_queries_for_11_and_for_500(
    render, user, settings, django_assert_num_queries, count
):
    settings.GAMIFICATION = {"SHOW_SECRET_COUNT": True}
    Achievement.objects.bulk_create(AchievementFactory.build_batch(count))

    with django_assert_num_queries(3):
        html = render(TAG, user=user)

    assert len(names(html)) == 11 + count


def test_without_the_count_of_secrets_it_takes_two(
    render, user, django_assert_num_queries
):
    with django_assert_num_queries(2):
        render(TAG, user=user)


UNESCAPED = "{{% autoescape off %}}{}{{% endautoescape %}}"
HOSTILE = '"><script>alert(1)</script>'


@pytest.mark.parametrize("field", ["name", "description", "icon"])
@pytest.mark.parametrize("around", ["{}", UNESCAPED])
def test_nothing_that_staff_type_becomes_markup(render, user, field, around):
    AchievementFactory(**{field: HOSTILE})

    html = render(around.format(TAG), user=user)

    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_those_of_another_user_are_theirs(render, user):
    award_achievement(UserFactory(), "kpi_10")

    assert 'data-state="held"' not in render(TAG, user=user)


@pytest.fixture
def medals(user):
    """Three steps of a series, of which a user sees one card."""
    Achievement.objects.all().delete()
    for step, name in enumerate(["Bronze", "Silver", "Gold"], 1):
        AchievementFactory(
            key=name.lower(),
            name=name,
            criterion="total_xp",
            threshold=100 * step,
            xp_reward=0,
            series="medals",
            step=step,
            position=-step,
        )


def card_of(render, user):
    html = render(TAG, user=user)
    assert html.count('class="gamification-achievement"') == 1
    return html


def test_a_series_begins_with_its_lowest_step(render, user, medals):
    html = card_of(render, user)

    assert names(html) == ["Bronze"]
    assert ">Step 1 of 3</p>" in html
    assert ">0 of 100</label>" in html
    assert "Next:" not in html


def test_a_series_shows_the_highest_step_held_and_the_next(render, user, medals):
    adjust_xp(user, amount=230, note="Well done.")

    html = card_of(render, user)

    assert names(html) == ["Silver"]
    assert ">Step 2 of 3</p>" in html
    assert ">Next: Gold, 230 of 300</label>" in html
    assert ">+50 XP<" not in html
    assert 'max="300" value="230"></progress>' in html
    assert 'Milestones <span class="gamification-muted">2 of 3</span>' in html


def test_a_series_ends_with_its_highest_step(render, user, medals):
    adjust_xp(user, amount=300, note="Well done.")

    html = card_of(render, user)

    assert names(html) == ["Gold"]
    assert "Next:" not in html


def test_a_next_step_that_people_award_has_no_bar(render, user, medals):
    Achievement.objects.filter(key="gold").update(criterion="manual", xp_reward=9)
    adjust_xp(user, amount=200, note="Well done.")

    html = card_of(render, user)

    assert ">Next: Gold</label>" in html
    assert ">+9 XP<" in html
    assert "<progress" not in html


def test_a_series_of_which_a_step_is_held_comes_first(render, user, medals):
    AchievementFactory(name="Other", position=-9)
    adjust_xp(user, amount=100, note="Well done.")

    html = render("{% gamification_achievements user order='held' %}", user=user)

    assert names(html) == ["Bronze", "Other"]


def test_a_series_with_one_step_is_a_plain_card(render, user, medals):
    Achievement.objects.exclude(key="bronze").update(status="draft")

    assert "Step 1" not in card_of(render, user)


@pytest.fixture
def tens(activity):
    """An achievement that every ten walks earn."""
    Achievement.objects.all().delete()
    return AchievementFactory(
        key="tens",
        name="Tens",
        criterion="activity_count",
        activity=activity,
        threshold=10,
        xp_reward=5,
        max_times=None,
        repeat_every=10,
    )


def test_what_is_held_more_than_once_says_so(render, user, tens):
    record_activity(user, "walk", quantity=25)

    html = card_of(render, user)

    assert names(html) == ['Tens <span class="gamification-muted">× 2</span>']
    assert ">Again: 25 of 30</label>" in html
    assert ">+5 XP<" in html
    assert 'max="30" value="25"></progress>' in html


def test_what_cannot_be_earned_again_has_no_bar(render, user, tens):
    Achievement.objects.update(max_times=2, xp_reward=0)
    record_activity(user, "walk", quantity=25)

    assert "Again:" not in card_of(render, user)


def test_a_first_time_is_no_number(render, user, tens):
    record_activity(user, "walk", quantity=10)
    Achievement.objects.update(xp_reward=0)

    html = card_of(render, user)

    assert names(html) == ["Tens"]
    assert ">Again: 10 of 20</label>" in html
    assert "XP<" not in html


@pytest.mark.parametrize(
    ("start", "end", "state", "words", "total"),
    [
        (9, 12, "upcoming", "From March 9, 2026", 0),
        (1, 4, "ended", "Ended on March 4, 2026", 0),
        (1, 9, "open", "Until March 9, 2026", 1),
        (1, None, "open", "", 1),
    ],
)
@time_machine.travel(NOON, tick=False)
def test_a_season_says_when_it_begins_or_ends(
    render, user, start, end, state, words, total
):
    Achievement.objects.all().delete()
    AchievementFactory(
        name="March",
        criterion="total_xp",
        threshold=10,
        starts_at=datetime(2026, 3, start, tzinfo=UTC),
        ends_at=end and datetime(2026, 3, end, tzinfo=UTC),
        shown_outside_season=True,
    )

    html = card_of(render, user)

    assert f'data-state="{state}"' in html
    assert (f'<p class="gamification-muted">{words}</p>' in html) is bool(words)
    assert ("<progress" in html) is (state == "open")
    assert f'Milestones <span class="gamification-muted">0 of {total}</span>' in html


def test_a_step_of_another_season_is_not_next(render, user, medals):
    Achievement.objects.filter(key="silver").update(
        ends_at=datetime(2026, 1, 1, tzinfo=UTC), shown_outside_season=True
    )
    adjust_xp(user, amount=150, note="Well done.")

    html = card_of(render, user)

    assert ">Next: Gold, 150 of 300</label>" in html
