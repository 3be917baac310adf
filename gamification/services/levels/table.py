"""The levels in effect: those of the settings, of staff, or of the app."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Case, F, IntegerField, QuerySet, Value, When

from gamification.conf import conf
from gamification.domain.levels import LevelRule, thresholds_of
from gamification.models import UserGamification, write_alias
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import fingerprint
from gamification.storage.catalogue import load_levels


@naming_errors
def get_levels() -> tuple[LevelRule, ...]:
    """Return the levels in effect, from level 1 on, in one query.

    Raises ``StorageError``.
    """
    return conf.level_table(load_levels(write_alias()))


def current_thresholds() -> tuple[int, ...]:
    """Return the total XP at which each level begins now, in one query."""
    return thresholds_of(get_levels())


def levels_tag(levels: Iterable[LevelRule]) -> str:
    """Return a digest of ``levels``, the same in any process."""
    return fingerprint(
        *((*level[:-1], tuple(sorted(level.translations.items()))) for level in levels)
    )


def due_level(thresholds: Sequence[int]) -> Case:
    """Return an expression for the level that users' total XP reaches."""
    levels = [*enumerate(thresholds, start=1)][:0:-1]
    return Case(
        *(When(total_xp__gte=begins, then=Value(level)) for level, begins in levels),
        default=Value(1),
        output_field=IntegerField(),
    )


def misplaced_users(thresholds: Sequence[int]) -> QuerySet[UserGamification]:
    """Return the users whose stored level is not the one that their XP reaches."""
    profiles: QuerySet[Any] = UserGamification.objects.all()
    misplaced: QuerySet[Any] = profiles.alias(due=due_level(thresholds))
    return misplaced.exclude(level=F("due"))
