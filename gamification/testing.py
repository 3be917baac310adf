"""Helpers for the tests of sites that use the app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connections
from django.utils import timezone

from gamification import signals
from gamification.maintenance import reconcile
from gamification.models import (
    Achievement,
    AchievementCategory,
    Activity,
    write_alias,
)
from gamification.services import (
    ActivityRecord,
    get_progress,
    record_activities,
)
from gamification.staff import (
    Criterion,
    LevelRule,
    UserRef,
    create_achievement,
    create_activity,
    edit_achievement,
    edit_activity,
    relevel_users,
    save_levels,
)
from gamification.staff import restore_catalogue as restore_catalogue

#: The signals that ``captured_signals`` collects, by name.
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
    """Create or change the activity with this key to have ``fields``; return it.

    A new activity is worth 10 XP. Raises ``InvalidDefinitionError`` for a value that
    staff could not enter, and ``TypeError`` for an unknown field.
    """
    if Activity.objects.filter(key=key).exists():
        return edit_activity(key, actor=None, expected=None, **fields)
    new = {"key": key, "name": key, "xp_reward": 10}
    return create_activity(actor=None, **new | fields)


def make_achievement(key: str, **fields: Any) -> Achievement:
    """Create or change the achievement with this key to have ``fields``; return it.

    ``activity`` is the key of an activity, or an activity. A new achievement is awarded
    by hand and gives no XP. Raises the errors of ``make_activity``.
    """
    if isinstance(activity := fields.get("activity"), Activity):
        fields["activity"] = activity.key
    if Achievement.objects.filter(key=key).exists():
        return edit_achievement(key, actor=None, expected=None, **fields)
    new = {
        "key": key,
        "name": key,
        "category": AchievementCategory.MILESTONES,
        "criterion": Criterion.MANUAL,
    }
    return create_achievement(actor=None, **new | fields)


def make_levels(*thresholds: int, names: Sequence[str] = ()) -> None:
    """Let levels begin at ``thresholds``, called ``names`` from level 1 on.

    Users who exist get their new levels at once. Raises ``InvalidDefinitionsError``,
    and ``LevelsPinnedError`` if the site's settings define the levels.
    """
    called = dict(enumerate(names, start=1))
    levels = [
        LevelRule(number, begins, called.get(number, ""))
        for number, begins in enumerate(thresholds, start=1)
    ]
    save_levels(levels, actor=None, expected=None)
    after, is_done = None, False
    while not is_done:
        after = relevel_users(after=after).after
        is_done = after is None


def record_days(
    user: UserRef, activity: str, *, days: int, until: datetime | None = None
) -> None:
    """Record ``activity`` once on each of ``days`` days in a row, silently.

    The last record occurs at ``until``, an aware datetime; None means now. The others
    occur when the user's clock shows the same time, so that no date is left out where
    summer time begins.
    """
    zone = ZoneInfo(get_progress(user).time_zone)
    last = (until or timezone.now()).astimezone(zone)
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
    """Collect the app's signals, as pairs of the signal's name and its arguments.

    In a ``TestCase``, whose transaction is never committed, the app sends its signals
    when the block ends.
    """
    heard: list[tuple[str, dict[str, Any]]] = []
    with ExitStack() as stack:
        for name, signal in _SIGNALS.items():

            def receive(name: str = name, **arguments: Any) -> None:
                del arguments["signal"], arguments["sender"]
                # An inner block may have run the same commit callbacks already.
                if (name, arguments) not in heard:
                    heard.append((name, arguments))

            signal.connect(receive, weak=False)
            stack.callback(signal.disconnect, receive)
        with _committed_at_end():
            yield heard


@contextmanager
def _committed_at_end() -> Iterator[None]:
    """At the end of the block, call the commit callbacks that it registered."""
    connection = connections[write_alias()]
    known = len(connection.run_on_commit)
    yield
    if connection.in_atomic_block:
        waiting = connection.run_on_commit[known:]
        del connection.run_on_commit[known:]
        for _, callback, *_ in waiting:
            callback()


def assert_progress_matches_ledger(user: UserRef | None = None) -> None:
    """Raise ``AssertionError`` if progress differs from the ledger.

    It checks one user, or all of them.
    """
    drift = "\n".join(map(str, reconcile(user)))
    if drift:
        raise AssertionError(drift)
