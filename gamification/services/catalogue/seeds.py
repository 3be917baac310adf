"""The examples that a fresh database gets, and their removal."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeAlias

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from gamification.models import (
    Achievement,
    Activity,
    ActivityTally,
    LedgerEntry,
    UserAchievement,
    write_alias,
)
from gamification.models.rules.references import choosing, named_by, with_rules
from gamification.services.commits import on_commit
from gamification.services.unit_of_work import attempts, naming_errors
from gamification.services.validation import UserRef, actor_id_of
from gamification.storage import store_for

logger = logging.getLogger(__name__)

#: The keys of the examples, by kind.
SEEDS: Final[Mapping[type[Activity | Achievement], tuple[str, ...]]] = {
    Achievement: (
        "first_vision",
        "first_kpi",
        "kpi_10",
        "kpi_50",
        "kpi_100",
        "kpi_500",
        "streak_7",
        "streak_30",
        "streak_100",
        "level_5",
        "level_10",
    ),
    Activity: ("vision_created", "kpi_completed"),
}

#: A row that was saved again more than this later has been edited.
_EDITED: Final = timedelta(seconds=1)

_HELD: Final = _("users have earned it")
_RECORDED: Final = _("users have done it")
_COUNTED: Final = _("an achievement that stays counts it")
_NAMED: Final = _("the conditions of an achievement name it")
_CHOSEN: Final = _("a streak or a boost chooses it")
_CHANGED: Final = _("somebody has edited it")

Seed: TypeAlias = Achievement | Activity


@dataclass(frozen=True, slots=True)
class SeedRemoval:
    """The examples that go, and those that stay with the reason."""

    removed: tuple[Seed, ...]
    kept: tuple[tuple[Seed, str], ...]


@naming_errors
def preview_seed_removal() -> SeedRemoval:
    """Return what ``remove_seeds`` would do now; changes nothing."""
    return _sorted_out()


def remove_seeds(*, actor: UserRef | None) -> SeedRemoval:
    """Delete the app's examples: achievements first, then the activities they count.

    An example stays if users have earned or done it, if somebody has edited it, if an
    achievement that stays counts it, if conditions name it, or if a streak or a boost
    chooses it. ``actor`` is the member of staff who does it.

    Raises ``UnknownUserError``, ``StorageError``.
    """
    actor_id, alias = actor_id_of(actor), write_alias()
    for attempt in attempts(store_for(alias)):
        with attempt:
            attempt.lock()
            removal = _sorted_out()
            for model in SEEDS:
                keys = [row.key for row in removal.removed if type(row) is model]
                model._default_manager.filter(key__in=keys).delete()
    names = ", ".join(row.key for row in removal.removed)
    log = partial(logger.info, "Examples removed by user %s: %s.", actor_id, names)
    on_commit(log, alias)
    return removal


def _sorted_out() -> SeedRemoval:
    """Find out in five queries which examples can go."""
    removed: list[Seed] = []
    kept: list[tuple[Seed, str]] = []
    for row, reason in _with_reasons(removed):
        if reason:
            kept.append((row, str(reason)))
        else:
            removed.append(row)
    return SeedRemoval(tuple(removed), tuple(kept))


def _with_reasons(removed: list[Seed]) -> Iterator[tuple[Seed, Any]]:
    """Yield each example with the reason to keep it; ``removed`` has those that go."""
    named = {each for row in with_rules() for each in named_by(row)}
    for achievement in _rows(Achievement).annotate(
        is_used=_exists(UserAchievement, "achievement")
        | _exists(LedgerEntry, "achievement")
    ):
        is_named = ("achievement", achievement.key) in named
        yield achievement, _reason(achievement, _HELD) or (_NAMED if is_named else "")
    going = [row.pk for row in removed]
    chosen = {key for row in choosing() for key in row.activities}
    counting = Achievement.objects.filter(activity=OuterRef("pk"))
    for activity in _rows(Activity).annotate(
        is_used=_exists(LedgerEntry, "activity") | _exists(ActivityTally, "activity"),
        is_counted=Exists(counting.exclude(pk__in=going)),
    ):
        is_counted = activity.is_counted or ("activity", activity.key) in named
        if (is_counted or activity.key in chosen) and not activity.is_used:
            yield activity, _COUNTED if is_counted else _CHOSEN
        else:
            yield activity, _reason(activity, _RECORDED)


def _rows(model: type[Any]) -> QuerySet[Any]:
    is_edited = Q(updated_at__gt=F("created_at") + _EDITED)
    rows = model._default_manager.filter(key__in=SEEDS[model])
    marked: QuerySet[Any] = rows.annotate(is_edited=is_edited)
    return marked


def _exists(model: type[Any], field: str) -> Exists:
    return Exists(model._default_manager.filter(**{field: OuterRef("pk")}))


def _reason(row: Any, used: Any) -> Any:
    if row.is_used:
        return used
    return _CHANGED if row.is_edited else ""
