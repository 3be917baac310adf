"""An example of a catalogue file, with comments that name every allowed value."""

from __future__ import annotations

import json
from typing import Any

from gamification.conf import conf
from gamification.domain.attributes import AttributeType
from gamification.domain.criteria import Criterion
from gamification.domain.definitions import FORMAT, LEVELS
from gamification.domain.rules import MAX_COOLDOWN, MAX_REWARD, AchievementStatus
from gamification.domain.streak_rules import MOST_DATES, StreakUnit


def example_definitions() -> str:
    """Return a small catalogue as JSON, with comments, to start your own from."""
    categories = [category.key for category in conf.categories]
    document = {
        "comment": "The catalogue of achievements. Comments are for people only. "
        "Compare this file with the site by `manage.py gamification_catalogue diff`, "
        "then use `apply`. A field that you leave out keeps its value, or has the "
        "default. An empty list leaves everything as it is: no activity, streak or "
        "achievement is ever deleted. A list of levels replaces them all. They come in "
        "order, such as {'threshold': 0, 'name': 'Newcomer', 'icon': '🌱'}, then "
        "{'threshold': 100, 'name': 'Explorer', 'translations': {'de': 'Entdecker'}}: "
        "threshold is the XP at which a level begins.",
        "format": FORMAT,
        "activities": [_activity()],
        "streaks": [_definition()],
        "achievements": [_counting(categories), _streak(categories)],
        LEVELS: [],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _activity() -> dict[str, Any]:
    return {
        "comment": "Something that users do. Your code records it by the key: "
        "record_activity(user, 'lesson_finished'). xp_reward: XP for each unit, 0 to "
        f"{MAX_REWARD:,}. daily_limit: units a day that earn XP, or null. cooldown: "
        f"seconds between rewarded records, up to {MAX_COOLDOWN:,}, or null. "
        f"attributes: what a record can say, each {', '.join(AttributeType.values)}.",
        "key": "lesson_finished",
        "name": "Lesson finished",
        "description": "",
        "xp_reward": 10,
        "daily_limit": 20,
        "cooldown": None,
        "extends_streak": True,
        "attributes": {"subject": "string", "minutes": "integer"},
        "is_active": True,
    }


def _definition() -> dict[str, Any]:
    most = ", ".join(f"{count} for a {unit}" for unit, count in MOST_DATES.items())
    return {
        "comment": f"unit: one of {', '.join(StreakUnit.values)}. goal: active dates "
        f"that a unit needs, up to {most}. activities: keys of those that extend it; "
        "an empty list means all that extend streaks. weekdays that count, and "
        "first_weekday: Monday is 1; an empty list means every day. initial_freezes: "
        "with the first active date. freeze_every: active dates that earn a freeze, or "
        "null. freeze_cap: the most in stock. New rules hold from the next unit on.",
        "key": "weekly",
        "name": "Weekly streak",
        "description": "",
        "unit": StreakUnit.WEEK.value,
        "goal": 3,
        "activities": [],
        "weekdays": [],
        "first_weekday": 1,
        "initial_freezes": 0,
        "freeze_every": None,
        "freeze_cap": 2,
        "is_active": True,
        "position": 1,
    }


def _counting(categories: list[str]) -> dict[str, Any]:
    criteria, statuses = (
        ", ".join(Criterion.values),
        ", ".join(AchievementStatus.values),
    )
    return {
        "comment": f"category: one of {', '.join(categories)}. criterion: one of "
        f"{criteria}. activity: the key of the activity to count, for activity_count "
        f"only; otherwise null. threshold: how much of it. status: one of {statuses}. "
        "icon: an emoji, or the name of a badge.",
        "key": "lessons_10",
        "name": "Ten lessons",
        "description": "Finish ten lessons.",
        "category": categories[0],
        "icon": "medal-bronze",
        "xp_reward": 50,
        "criterion": Criterion.ACTIVITY_COUNT.value,
        "activity": "lesson_finished",
        "threshold": 10,
        "is_secret": False,
        "revocable": False,
        "status": AchievementStatus.DRAFT.value,
        "position": 0,
    }


def _streak(categories: list[str]) -> dict[str, Any]:
    return {
        "comment": "Only key, name, category and criterion are required.",
        "key": "week",
        "name": "A week in a row",
        "category": categories[-1],
        "criterion": Criterion.LONGEST_STREAK.value,
        "threshold": 7,
        "status": AchievementStatus.DRAFT.value,
    }
