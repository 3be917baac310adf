"""Achievements by category, each with the user's progress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.utils.text import capfirst

from gamification.components.badges import Badge, badge_of
from gamification.components.celebrations import Waiting
from gamification.components.needs import needs_text
from gamification.components.seasons import season_text
from gamification.conf import conf
from gamification.models import Achievement
from gamification.models.texts.celebrations import celebration_text, celebration_title
from gamification.services import (
    CelebrationKind,
    Rarity,
    count_secrets,
    get_achievements,
)
from gamification.staff import Category, SeasonState
from gamification.values import AchievementProgress

#: Shares of users below this one are shown as "less than" it.
RAREST: Final = 0.01


@dataclass(frozen=True, slots=True)
class Card:
    """An achievement as a user sees it."""

    progress: AchievementProgress
    badge: Badge
    #: Share of users who hold it, 0 to 1; None if it is not known.
    share: float | None
    #: All steps of its series, from the lowest, if there are several.
    steps: tuple[Card, ...] = ()

    @property
    def achievement(self) -> Achievement:
        return self.progress.achievement

    @property
    def is_held(self) -> bool:
        return self.progress.unlocked_at is not None

    @property
    def times(self) -> int:
        """How often the user holds it."""
        return self.progress.times

    @property
    def goes_on(self) -> bool:
        """Whether the user holds it, and can earn it once more now."""
        return self.is_held and self.progress.fraction < 1 and self.is_in_season

    @property
    def is_in_season(self) -> bool:
        return self.progress.season in {None, SeasonState.OPEN}

    @property
    def counts(self) -> bool:
        """Whether the user holds the achievement, or can still earn it."""
        return self.is_held or self.is_in_season

    @property
    def season_text(self) -> str:
        """When the achievement's season begins or ends; "" without a season."""
        return season_text(self.achievement, self.progress.season)

    @property
    def next_step(self) -> Card | None:
        """The step of its series that the user can reach next, above the one held."""
        above = (e for e in self.steps if e.step > self.step and e.is_in_season)
        return next((each for each in above if not each.is_held), None)

    @property
    def place(self) -> int:
        """The number of this step among the steps that the user sees, from 1."""
        return [each.step for each in self.steps].index(self.step) + 1

    @property
    def step(self) -> int:
        """The achievement's step in its series; 0 without a series."""
        return self.achievement.step or 0

    @property
    def current(self) -> int:
        """How far the user has come: from 0 to the target."""
        return max(0, min(self.progress.current, self.progress.target))

    @property
    def needs(self) -> str:
        """The needs of the user besides the criterion; "" if nothing is missing."""
        return needs_text(self.progress.conditions)

    @property
    def is_manual(self) -> bool:
        """Whether people award it, so there is no progress to show."""
        return self.achievement.criterion == "manual"

    @property
    def percent(self) -> float:
        """The share of users in percent, at least that of ``RAREST``."""
        return 100 * max(self.share or 0, RAREST)

    @property
    def is_rarest(self) -> bool:
        return self.share is not None and self.share < RAREST


@dataclass(frozen=True, slots=True)
class Shelf:
    """The cards of a category."""

    key: str
    name: str
    cards: list[Card]
    #: The picture of the category, if it has one.
    badge: Badge | None = None

    @property
    def held(self) -> int:
        return sum(card.is_held for card in self._all)

    @property
    def count(self) -> int:
        """The achievements on the shelf: each step of a series is one."""
        return sum(card.counts for card in self._all)

    @property
    def _all(self) -> Iterator[Card]:
        for card in self.cards:
            yield from card.steps or (card,)


def achievements_of(
    user: Any, *, order: str = "position", rarity: Rarity | None = None
) -> dict[str, Any]:
    """Return what the achievements show, in at most three queries.

    Where achievements have conditions, it takes those of ``get_achievements`` more.

    ``order`` is ``position``, or ``held`` for those that the user holds first; anything
    else is a ``ValueError``.
    """
    if order not in {"position", "held"}:
        msg = f"order is {order!r}, not 'position' or 'held'."
        raise ValueError(msg)
    cards = [_card(each, rarity) for each in get_achievements(user)]
    shelves = [*_shelves(cards)]
    if order == "held":
        for shelf in shelves:
            shelf.cards.sort(key=lambda card: not card.is_held)
    return {
        "shelves": shelves,
        "secrets": count_secrets(user) if conf.SHOW_SECRET_COUNT else 0,
        "secret_badge": badge_of("secret"),
    }


def look_of(achievement: Achievement, now: datetime) -> dict[str, Any]:
    """Return how users see ``achievement``, which need not be saved.

    They see it half-way, unlocked, celebrated and, if it is secret, still hidden.
    """
    target = achievement.threshold
    open_, held = (
        AchievementProgress(achievement, since, current, target, current / target)
        for since, current in ((None, target // 2), (now, target))
    )
    data = {"name": achievement.name, "xp": achievement.xp_reward}
    celebration = Waiting(
        0,
        celebration_title(CelebrationKind.ACHIEVEMENT, data),
        celebration_text(CelebrationKind.ACHIEVEMENT, data),
        badge_of(achievement.icon),
        "",
    )
    return {
        "cards": [_card(open_, None), _card(held, None)],
        "secret_badge": badge_of("secret") if achievement.is_secret else None,
        "celebrations": [celebration],
    }


def _card(progress: AchievementProgress, rarity: Rarity | None) -> Card:
    achievement = progress.achievement
    share = rarity.share_of(achievement.pk) if rarity else None
    return Card(progress, badge_of(achievement.icon), share)


def _with_series(cards: Iterable[Card]) -> Iterator[Card]:
    """Yield the cards, with one card for each series at the place of its first step.

    That card shows the highest step that the user holds, or else the lowest step.
    """
    by_series: dict[str, list[Card]] = {}
    places: list[list[Card]] = []
    for card in cards:
        series = card.achievement.series
        steps = by_series.setdefault(series, []) if series else []
        if not steps:
            places.append(steps)
        steps.append(card)
    for steps in places:
        steps.sort(key=lambda card: card.step)
        shown = next((card for card in reversed(steps) if card.is_held), steps[0])
        yield replace(shown, steps=tuple(steps)) if len(steps) > 1 else shown


def _shelves(cards: Iterable[Card]) -> Iterable[Shelf]:
    by_category: dict[str, list[Card]] = {}
    for card in cards:
        by_category.setdefault(card.achievement.category, []).append(card)
    known = [each for each in conf.categories if each.key in by_category]
    # An achievement keeps its category even if the site no longer has it.
    lost = sorted(by_category.keys() - {each.key for each in known})
    for each in [*known, *(Category(key, key) for key in lost)]:
        badge = badge_of(each.icon) if each.icon else None
        cards_of = [*_with_series(by_category[each.key])]
        yield Shelf(each.key, capfirst(str(each.name)), cards_of, badge)
