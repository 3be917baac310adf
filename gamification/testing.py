"""Helpers for the tests of sites that use the app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from gamification import signals
from gamification.maintenance import (
    reconcile,
)
from gamification.models import Achievement, AchievementCategory, Activity
from gamification.services import (
    ActivityRecord,
    record_activities,
)
from gamification.staff import (
    UserRef,
)

#: The signals that a receiver may want to see in a test.
_SIGNALS = {
    name: getattr(signals, name)
    for name in (
        "activity_recorded",
        "achievement_unlocked",
        "achievement_revoked",
        "level_changed",
        "xp_adjusted",
        "entry_reversed",
    )
}


def make_activity(key: str, **fields: Any) -> Activity:
    """Return the activity with this key, made or changed to have ``fields``.

    A new one is worth 10 XP.
    """
    values = {"name": key, "xp_reward": 10}
    return Activity.objects.update_or_create(
        key=key, defaults=fields, create_defaults=values | fields
    )[0]


def make_achievement(key: str, **fields: Any) -> Achievement:
    """Return the achievement with this key, made or changed to have ``fields``.

    A new one is awarded by hand and worth nothing.
    """
    values = {
        "name": key,
        "category": AchievementCategory.MILESTONES,
        "criterion": "manual",
    }
    return Achievement.objects.update_or_create(
        key=key, defaults=fields, create_defaults=values | fields
    )[0]


def record_days(
    user: UserRef, activity: str, *, days: int, until: datetime | None = None
) -> None:
    """Record ``activity`` once on each of ``days`` days in a row, silently.

    The last one is ``until``, an aware datetime (now if it is not given).
    """
    last = until or timezone.now()
    record_activities(
        [
            ActivityRecord(user, activity, last - timedelta(days=back))
            for back in reversed(range(days))
        ],
        celebrate=False,
        historical=True,
    )


@contextmanager
def captured_signals() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Collect what the app announces, as pairs of the signal's name and its arguments.

    Inside a ``TestCase``, nothing is announced before the end of a transaction: wrap
    the code in ``captureOnCommitCallbacks(execute=True)``.
    """
    heard: list[tuple[str, dict[str, Any]]] = []
    with ExitStack() as stack:
        for name, signal in _SIGNALS.items():

            def receive(name: str = name, **arguments: Any) -> None:
                del arguments["signal"], arguments["sender"]
                heard.append((name, arguments))

            signal.connect(receive, weak=False)
            stack.callback(signal.disconnect, receive)
        yield heard


def assert_progress_matches_ledger(user: UserRef | None = None) -> None:
    """Fail if a total, tally, streak or day of a user (or of any) is not right."""
    drift = "\n".join(map(str, reconcile(user)))
    if drift:
        raise AssertionError(drift)
