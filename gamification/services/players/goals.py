"""How far a user has come with achievements to earn again, or in a season."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from gamification.conf import conf
from gamification.domain.changeset import UserChangeset
from gamification.domain.days import EPOCH, Calendar
from gamification.domain.judging import Judge
from gamification.domain.rules import AchievementRule
from gamification.domain.seasons import SeasonState
from gamification.models import Achievement, write_alias
from gamification.storage import Snapshot, StateQuery, store_for
from gamification.storage.catalogue import rule_of
from gamification.storage.streaks import load_days, load_ledgers

#: An instant of the time before, as clocks tell them.
_TICK = timedelta(microseconds=1)


class GoalProgress(NamedTuple):
    """A user's progress towards earning an achievement once more."""

    current: int
    target: int
    #: Whether the user cannot earn it once more for now.
    is_over: bool


def is_special(achievement: Achievement) -> bool:
    """Say whether users earn it again, or in a season only."""
    return bool(
        achievement.repeat_period
        or achievement.repeat_every
        or achievement.starts_at
        or achievement.ends_at
    )


def season_of(
    achievement: Achievement, calendar: Calendar, now: datetime
) -> SeasonState | None:
    """Return the state of its season for a user; None without a season."""
    season = rule_of(achievement).season if is_special(achievement) else None
    return season and season.state_at(now, calendar)


def goals_of(
    user_id: Any, achievements: Iterable[Achievement], now: datetime
) -> Mapping[int, GoalProgress]:
    """Return the progress with those of ``achievements`` that are special, by id.

    It reads nothing if none of them is. For a season that is over, it is what the user
    reached.
    """
    rules = [rule_of(each) for each in achievements if is_special(each)]
    if not rules:
        return {}
    moments = {rule.id: _moment(rule, now) for rule in rules}
    snapshot = _read(user_id, min(moments.values()), max(moments.values()))
    changes = _changes(snapshot, user_id, now)
    found = _measured(changes, rules, moments)
    if changes.goals and changes.goals.needs_ledger:
        store = store_for(write_alias())
        load_ledgers([snapshot.states[user_id]], snapshot.catalogue, store)
        found = _measured(_changes(snapshot, user_id, now), rules, moments)
    return found


def _moment(rule: AchievementRule, now: datetime) -> datetime:
    """Return the last instant that counts until now."""
    season = rule.season
    if season is None or season.ends_at is None:
        return now
    return min(now, max(season.ends_at, EPOCH) - _TICK)


def _read(user_id: Any, earliest: datetime, latest: datetime) -> Snapshot:
    query = StateQuery(
        [user_id],
        conf.default_calendar,
        activities=None,
        earliest=earliest,
        latest=latest,
    )
    store = store_for(write_alias())
    snapshot = store.read(query)
    snapshot.welcome(query)
    if any(rule.streak_id for rule in snapshot.catalogue.special):
        load_days(snapshot.states.values(), snapshot.catalogue, store)
    return snapshot


def _changes(snapshot: Snapshot, user_id: Any, now: datetime) -> UserChangeset:
    return UserChangeset(snapshot.states[user_id], conf.rules(snapshot.catalogue), now)


def _measured(
    changes: UserChangeset,
    rules: Iterable[AchievementRule],
    moments: Mapping[int, datetime],
) -> dict[int, GoalProgress]:
    goals, calendar, judge = changes.goals, changes.state.calendar, Judge(changes)
    if goals is None:
        return {}
    return {
        rule.id: GoalProgress(
            *goals.progress(rule, calendar.date_of(moments[rule.id]), judge)
        )
        for rule in rules
    }
