"""The element that shows celebrations, when the API or the page misbehaves."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from gamification.models import Celebration, Level
from gamification.services import adjust_xp, award_achievement
from tests.browser import conftest
from tests.factories import AchievementFactory
from tests.inspection import COMMITTED

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [COMMITTED, pytest.mark.usefixtures("no_achievements")]

PAGE = reverse("gamification_pages:settings")
OTHER = reverse("gamification_pages:leaderboards")
SECOND = 1_000

#: Tells the page that nobody looks at it, or that somebody does again.
HIDE = """isHidden => {
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


#: Lets the page be left, and another one take what it hands over.
LEAVE = "dispatchEvent(new Event('pagehide')); sessionStorage.clear();"

#: Puts the element into a shadow tree.
ENCLOSE = """
const host = document.body.appendChild(document.createElement("div"));
const element = document.querySelector("gamification-celebrations");
host.attachShadow({ mode: "open" }).append(element);
"""

#: Moves an element that has nothing in it, and counts what it has then.
MOVE = """() => {
  const bare = document.createElement("gamification-celebrations");
  for (const _ of "ab") document.body.append(bare);
  return bare.children.length;
}"""

#: Counts the questions of the page, and the answers.
COUNT = """
const ask = fetch;
[window.asked, window.answered] = [0, 0];
window.fetch = (...question) => {
  window.asked += 1;
  return ask(...question).finally(() => setTimeout(() => (window.answered += 1)));
};
"""


@pytest.fixture
def page(sign_in_still, user, monkeypatch) -> Page:
    """A page whose clock the test moves, and whose browser may report errors."""
    monkeypatch.setattr(conftest, "watched", lambda *arguments: nullcontext())
    page = sign_in_still(user)
    page.add_init_script(COUNT)
    page.clock.install()
    return page


@pytest.fixture
def toasts(page):
    return page.locator(".gamification-toast")


def answers(page: Page, *statuses: int, **headers: str) -> list[str]:
    """Answer the page's questions with these statuses; return what it has asked."""
    asked: list[str] = []

    def answer(route: Any) -> None:
        status = statuses[min(len(asked), len(statuses) - 1)]
        asked.append(route.request.url)
        body = '{"results": []}'
        kind = "application/json"
        route.fulfill(status=status, headers=headers, body=body, content_type=kind)

    page.route("**/me/celebrations/**", answer)
    return asked


def let_pass(page: Page, seconds: int) -> None:
    """Move the clock of the page on, and let it ask and be answered."""
    page.clock.fast_forward(seconds * SECOND)
    while page.evaluate("window.asked > window.answered"):
        pass


def counts_after(page: Page, asked: list[str], *seconds: int) -> list[int]:
    """Let time pass again and again; return how often the page had asked each time."""
    counts = []
    for each in seconds:
        let_pass(page, each)
        counts.append(len(asked))
    return counts


def show_three(page: Page, toasts: Any) -> None:
    """Let the page show as many cards as it shows at once."""
    expect(toasts.first).to_be_visible()
    for _ in range(3):
        let_pass(page, 2)


def unlock(user: Any, *names: str) -> None:
    for name in names:
        award_achievement(user, AchievementFactory(name=name, xp_reward=0).key)


#: Notes the longest time of a timer. Browsers keep it in 32 bits.
NOTE_TIMERS = """
const set = setTimeout;
window.longest = 0;
window.setTimeout = (act, time) => {
  window.longest = Math.max(window.longest, time ?? 0);
  return set(act, time);
};
"""


# --- When it asks


def test_it_asks_every_15_seconds_or_so(page):
    asked = answers(page, 200)
    page.goto(PAGE)
    assert asked == []

    assert counts_after(page, asked, 11, 8, 19) == [0, 1, 2]


def test_it_asks_less_often_after_errors_and_again_as_before(page):
    asked = answers(page, 500, 500, 200)
    page.goto(PAGE)

    # 15 seconds; then 30, 60; after an answer 15; each a fifth more or less.
    counts = counts_after(page, asked, 19, 23, 14, 47, 26, 19)

    assert counts == [1, 1, 2, 2, 3, 4]


@pytest.mark.parametrize("status", [401, 403])
def test_it_asks_no_more_once_it_was_turned_away(page, status):
    asked = answers(page, status)
    page.goto(PAGE)

    let_pass(page, 19)
    let_pass(page, 3_600)
    page.evaluate("document.dispatchEvent(new Event('gamification:check'))")
    let_pass(page, 3_600)

    assert len(asked) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_it_shows_the_list_again_once_it_was_turned_away(page, user, status):
    AchievementFactory(key="medal", name="Medal")
    award_achievement(user, "medal")
    answers(page, status)
    page.goto(PAGE)

    expect(page.locator("[data-gamification-list]")).to_contain_text("Medal")
    expect(page.locator("[data-gamification-list]")).to_be_visible()


def test_it_lists_nothing_if_it_was_turned_away_after_the_show(page, toasts, user):
    unlock(user, "A")
    page.route("**/acknowledge/", lambda route: route.fulfill(status=401))

    with page.expect_response("**/acknowledge/"):
        page.goto(PAGE)
    let_pass(page, 0)

    expect(toasts).to_contain_text("“A”")
    expect(page.locator("[data-gamification-list]")).to_be_hidden()


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_it_is_told(page, status):
    asked = answers(page, status, 200, **{"Retry-After": "600"})
    page.goto(PAGE)

    assert counts_after(page, asked, 19, 590, 11) == [1, 1, 2]


def test_it_waits_for_longer_than_a_timer_can(page):
    asked = answers(page, 503, **{"Retry-After": str(30 * 24 * 3_600)})
    page.add_init_script(NOTE_TIMERS)
    page.goto(PAGE)

    let_pass(page, 19)
    let_pass(page, 3_600)

    assert (len(asked), page.evaluate("longest") < 2**31) == (1, True)


def test_it_waits_until_a_time_of_the_server_whatever_the_device_says(page):
    http = "{:%a, %d %b %Y %H:%M:%S} GMT".format
    now = timezone.now() - timedelta(days=1)
    until = {"Retry-After": http(now + timedelta(minutes=10)), "Date": http(now)}
    asked = answers(page, 503, 200, **until)
    page.goto(PAGE)

    assert counts_after(page, asked, 19, 590, 11) == [1, 1, 2]


def test_it_asks_nothing_while_nobody_looks_and_once_when_somebody_does(page):
    asked = answers(page, 200)
    page.goto(PAGE)
    page.evaluate(HIDE, arg=True)
    let_pass(page, 600)
    hidden = len(asked)

    page.evaluate(HIDE, arg=False)
    let_pass(page, 1)

    assert (hidden, len(asked)) == (0, 1)


def test_it_asks_nothing_while_the_browser_is_offline(page):
    asked = answers(page, 200)
    page.goto(PAGE)
    page.context.set_offline(True)
    let_pass(page, 600)
    offline = len(asked)

    page.context.set_offline(False)
    let_pass(page, 1)

    assert (offline, len(asked)) == (0, 1)


# --- What it shows


def test_the_next_page_shows_at_once_what_was_left(page, toasts, user):
    unlock(user, "A", "B")
    with page.expect_response("**/acknowledge/"):
        page.goto(PAGE)
    expect(toasts).to_contain_text("“A”")

    page.goto(OTHER)

    expect(toasts).to_contain_text("“B”")


def test_a_page_that_comes_back_shows_nothing_that_it_handed_over(page, toasts, user):
    unlock(user, "A", "B")
    with page.expect_response("**/acknowledge/"):
        page.goto(PAGE)
    let_pass(page, 0)

    page.evaluate(LEAVE)
    let_pass(page, 2)
    page.evaluate("document.dispatchEvent(new Event('gamification:check'))")
    let_pass(page, 1)

    expect(toasts).to_contain_text("“A”")


def test_a_claim_whose_answer_comes_too_late_shows_nothing(page, toasts, user):
    def answer_late(route: Any) -> None:
        page.clock.fast_forward(55 * SECOND)
        route.continue_()

    unlock(user, "A")
    page.route("**/claim/", answer_late)

    with page.expect_response("**/claim/"):
        page.goto(PAGE)
    let_pass(page, 0)

    assert (toasts.count(), Celebration.objects.pending().count()) == (0, 1)


def test_what_was_shown_and_not_acknowledged_is_not_shown_again(page, toasts, user):
    unlock(user, "A")
    page.route("**/acknowledge/", lambda route: route.abort())
    page.goto(PAGE)
    expect(toasts).to_have_count(1)
    page.unroute("**/acknowledge/")

    with page.expect_response("**/acknowledge/"):
        page.goto(OTHER)

    assert (toasts.count(), Celebration.objects.pending().count()) == (0, 0)


def test_a_fourth_card_is_shown_rather_than_counted(page, toasts, user):
    unlock(user, *"ABCD")
    page.goto(PAGE)

    show_three(page, toasts)

    expect(toasts.filter(has_text="“D”")).to_be_visible(timeout=15_000)


def test_three_are_shown_and_the_others_are_counted(page, toasts, user):
    unlock(user, *"ABCDE")
    page.goto(PAGE)

    show_three(page, toasts)

    more = toasts.filter(has_text="and 2 more")
    expect(more).to_contain_text("D and E", timeout=15_000)
    expect(more.get_by_role("link", name="See them all")).to_be_visible()


def test_five_of_those_that_are_counted_are_named(page, toasts, user):
    unlock(user, *"ABCDEFGHI")
    page.goto(PAGE)

    show_three(page, toasts)

    more = toasts.filter(has_text="and 6 more")
    expect(more).to_contain_text("D, E, F, G, and H …", timeout=15_000)


def test_what_shares_a_card_says_which_time_it_was(page, toasts, user):
    for key in ("lap_1", "lap_2"):
        AchievementFactory(key=key, name=key, xp_reward=5, max_times=2, repeat_every=9)
    for key, number in (("lap_1", 1), ("lap_1", 2), ("lap_2", 1)):
        award_achievement(user, key, number=number)
    Celebration.objects.update(created_at=Celebration.objects.first().created_at)

    page.goto(PAGE)

    expect(toasts).to_contain_text("lap_1, lap_1 × 2, and lap_2: +15")


def test_names_are_no_markup(page, toasts, user):
    name = "<img src=x onerror=alert(1)>"
    unlock(user, name)

    page.goto(PAGE)

    expect(toasts).to_contain_text(name)
    assert page.locator("[onerror]").count() == 0


def test_a_toast_goes_after_a_while_unless_somebody_reads_it(page, toasts, user):
    unlock(user, "A")
    page.goto(PAGE)
    toasts.hover()
    page.clock.fast_forward(60 * SECOND)
    expect(toasts).to_have_count(1)

    page.mouse.move(0, 0)
    page.clock.fast_forward(SECOND)
    expect(toasts).to_have_count(1)
    page.clock.fast_forward(10 * SECOND)

    expect(toasts).to_have_count(0)


def test_a_toast_below_the_screen_stays_until_it_has_been_seen(page, toasts, user):
    unlock(user, "A", "B")
    page.set_viewport_size({"width": 390, "height": 150})
    page.goto(PAGE)
    expect(toasts).to_contain_text("“A”")
    let_pass(page, 2)
    expect(toasts).to_have_count(2)

    page.clock.fast_forward(5 * SECOND)
    expect(toasts).to_contain_text("“B”")
    page.clock.fast_forward(5 * SECOND)
    expect(toasts).to_have_count(1)
    page.clock.fast_forward(3 * SECOND)

    expect(toasts).to_have_count(0)


def test_a_toast_is_closed_by_a_button_with_a_name(page, toasts, user):
    unlock(user, "A")
    page.goto(PAGE)

    page.get_by_role("button", name="Close: A").click()

    expect(toasts).to_have_count(0)


def test_focus_returns_to_where_it_was_from_a_shadow_tree_too(page, toasts, user):
    page.goto(PAGE)
    page.evaluate(ENCLOSE)
    unlock(user, "A")
    page.evaluate("document.dispatchEvent(new Event('gamification:check'))")
    expect(toasts).to_have_count(1)
    page.get_by_role("button", name="Save").focus()

    close = page.get_by_role("button", name="Close: A")
    close.press("Enter")

    expect(page.get_by_role("button", name="Save")).to_be_focused()


def test_an_element_that_is_moved_makes_no_second_box(page):
    page.goto(PAGE)

    assert page.evaluate(MOVE) == 1


def test_a_copy_of_the_element_shows_nothing_that_stays(page, toasts, user):
    """Scripts that keep pages, such as Turbo, show copies of them."""
    pieces = page.locator(".gamification-confetti i")
    unlock(user, "A")
    page.emulate_media(reduced_motion="no-preference")
    with page.expect_response("**/acknowledge/"):
        page.goto(PAGE)
    element = page.locator("gamification-celebrations")
    before = toasts.count()

    element.evaluate("each => each.replaceWith(each.cloneNode(true))")

    assert (before, toasts.count(), pieces.count()) == (1, 0, 70)
    expect(pieces.first).to_have_css("opacity", "0")


def test_a_page_may_show_a_celebration_itself(page, toasts, user):
    unlock(user, "A")
    page.add_init_script(
        "addEventListener('gamification:before', (event) => {"
        "event.preventDefault(); window.mine = event.detail.data.name })"
    )

    with page.expect_response("**/acknowledge/"):
        page.goto(PAGE)

    assert page.evaluate("window.mine") == "A"
    assert (toasts.count(), Celebration.objects.pending().count()) == (0, 0)


def test_the_toasts_are_announced_politely_and_take_no_focus(page, toasts, user):
    unlock(user, "A")
    page.goto(PAGE)

    expect(toasts).to_have_count(1)

    box = page.get_by_role("region", name="Celebrations")
    expect(box).to_have_attribute("aria-live", "polite")
    assert page.evaluate("document.activeElement === document.body")


def test_a_level_is_shown_by_its_name(page, toasts, user):
    for number, threshold, name in ((1, 0, ""), (2, 10, "Guide"), (3, 20, "Explorer")):
        icon = "🧭" if name == "Explorer" else ""
        Level.objects.create(number=number, threshold=threshold, name=name, icon=icon)
    for amount in (10, 10):
        adjust_xp(user, amount=amount, note="Welcome.")

    page.goto(PAGE)

    # Both levels share a card.
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text("Level 3 · Explorer")
    expect(toasts).to_contain_text("🧭")
    expect(toasts).to_contain_text("You rose from level 1, past 2.")
