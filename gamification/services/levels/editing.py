"""Saves tables of levels, and begins the job that gives users their new levels."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.levels import LevelRule, make_table, thresholds_of
from gamification.exceptions import (
    JobStateError,
    LevelsPinnedError,
    StaleEditError,
)
from gamification.models import Job, JobKind, Level, UserGamification, write_alias
from gamification.services.commits import on_commit
from gamification.services.jobs import Step, begin_job
from gamification.services.levels.describing import LevelChange, log_levels
from gamification.services.levels.parsing import check_levels
from gamification.services.levels.relevel import RelevelProgress, relevel_users
from gamification.services.levels.table import (
    current_thresholds,
    get_levels,
    levels_tag,
    misplaced_users,
)
from gamification.services.unit_of_work import attempts, wrap_database_errors
from gamification.services.validation import UserRef, actor_id_of
from gamification.storage import store_for

logger = logging.getLogger(__name__)

#: Users to look at together, and the most such batches in one step, which ends sooner
#: if many users change: about a second of work.
USERS_AT_ONCE = 500
LOOKS = 20
MOST_MOVED = 1_000


@dataclass(frozen=True, slots=True)
class SavedLevels:
    """The changes that saving a table of levels made."""

    changes: tuple[LevelChange, ...]
    #: The job that gives users their new levels; None if no threshold changed.
    job: Job | None = None


def save_levels(
    levels: Sequence[LevelRule], *, actor: UserRef | None, expected: str | None
) -> SavedLevels:
    """Replace the table of levels; return what changed.

    From then on, every answer gives the new levels. If one begins at another XP, the
    returned job gives users the new level silently: run it with ``run_next_step``.
    ``expected`` is the ``levels_tag`` of the table that the editor saw: if somebody
    else has saved since, ``StaleEditError`` is raised. None replaces whatever is
    stored. ``actor`` is the member of staff who edits.

    Raises ``LevelsPinnedError`` if the site's settings define the levels,
    ``InvalidDefinitionsError`` with every error, ``UnknownUserError``,
    ``StorageError``.
    """
    check_levels(levels)
    actor_id, alias = actor_id_of(actor), write_alias()

    for attempt in attempts(store_for(alias)):
        with attempt:
            attempt.lock()
            saved = put_levels(levels, actor_id, expected)
    return saved


def put_levels(
    levels: Sequence[LevelRule], actor_id: Any, expected: str | None = None
) -> SavedLevels:
    """Replace the table inside the caller's transaction, as ``save_levels`` does."""
    before = _replace(levels, actor_id, expected)
    changes = tuple(compare_levels(before, levels))
    if thresholds_of(before) == thresholds_of(levels):
        return SavedLevels(changes)
    return SavedLevels(changes, _begin(before, levels, actor_id))


def _replace(
    levels: Sequence[LevelRule], actor_id: Any, expected: str | None = None
) -> tuple[LevelRule, ...]:
    """Replace the table; return the one before."""
    if conf.pins_levels:
        raise LevelsPinnedError
    rows = _locked_rows()
    before = conf.level_table([row.rule for row in rows.values()])
    if expected not in {None, levels_tag(before)}:
        raise StaleEditError
    if changes := [*compare_levels(before, levels)]:
        _store(rows, levels)
        log_levels(actor_id, changes)
        message = "Levels changed by user %s: %s."
        log = partial(logger.info, message, actor_id, len(changes))
        on_commit(log, write_alias())
    return before


def put_back_levels(job: Job, actor_id: Any) -> int:
    """Let levels begin where they did before ``job``; return how many users move.

    Levels that are gone come back with their names; the others keep theirs. Raises
    ``JobStateError`` if the job changed no table, or somebody has changed it since, and
    ``LevelsPinnedError``.
    """
    before = job.parameters.get("before")
    if before is None:
        message = "The job changed no levels: it only gave users those of the table."
        raise JobStateError(message, job=job.pk)
    current, former = get_levels(), [LevelRule(*level) for level in before]
    # An earlier, abandoned job may have put the table back already.
    expected = [*job.parameters["levels"]], [*thresholds_of(former)]
    if [*thresholds_of(current)] not in expected:
        message = "The levels have been changed since, so they cannot be put back."
        raise JobStateError(message, job=job.pk)
    levels = make_table(thresholds_of(former), [*former, *current])
    _replace(levels, actor_id)
    return misplaced_users(thresholds_of(levels)).count()


def compare_levels(
    before: Sequence[LevelRule], after: Sequence[LevelRule]
) -> Iterator[LevelChange]:
    """Yield each level that differs, in order."""
    old, new = ({level.number: level for level in each} for each in (before, after))
    for number in sorted(old.keys() | new.keys()):
        change = LevelChange(old.get(number), new.get(number))
        if change.before != change.after:
            yield change


def begin_releveling(*, actor: UserRef | None, key: str | None = None) -> Job:
    """Begin a job that gives users the level that their XP reaches; return the job.

    It is needed where the table changed in another way than by ``save_levels``, such as
    in the settings. If the actor has used the ``key`` before, this returns the job that
    began then. Raises ``InvalidKeyError``, ``UnknownUserError``, ``StorageError``.
    """
    table = current_thresholds()
    return _begin_job({"levels": [*table]}, table, actor, key)


def level_step(job: Job, actor_id: Any) -> Step:
    """Give the next users their levels, in order of their keys."""
    total = RelevelProgress(after=job.cursor)
    for _ in range(LOOKS):
        total += relevel_users(after=total.after, limit=USERS_AT_ONCE, job_id=job.pk)
        if total.after is None or total.moved >= MOST_MOVED:
            break
    cursor = None if total.after is None else str(total.after)
    return Step(total.moved, total.xp, cursor)


def _locked_rows() -> dict[int, Level]:
    """Return the stored levels by number, locked against other editors."""
    rows = Level.objects.order_by("number")
    return {row.number: row for row in rows.locked_against_editors()}


def _store(rows: Mapping[int, Level], levels: Sequence[LevelRule]) -> None:
    alias, now = write_alias(), timezone.now()
    stored = Level.objects.all()
    stored.filter(number__gt=len(levels)).delete()
    changed, added = list[Level](), list[Level]()
    for level in levels:
        row = rows.get(level.number)
        if row is None:
            added.append(Level(**_values(level)))
        elif row.rule != level:
            for name, value in _values(level).items():
                setattr(row, name, value)
            row.updated_at = now
            changed.append(row)
    stored.bulk_update(changed, [*LevelRule._fields[1:], "updated_at"])
    try:
        with transaction.atomic(using=alias):
            stored.bulk_create(added)
    except IntegrityError as error:
        # There was no row to lock, and somebody else was faster.
        raise StaleEditError from error


def _values(level: LevelRule) -> dict[str, Any]:
    return level._asdict() | {"translations": {**level.translations}}


def _begin(
    before: Sequence[LevelRule], levels: Sequence[LevelRule], actor: Any
) -> Job | None:
    """Begin the job for a new table; a site without users needs none."""
    if not UserGamification.objects.exists():
        return None
    table = thresholds_of(levels)
    old = [(*level[:-1], {**level.translations}) for level in before]
    return _begin_job({"levels": [*table], "before": old}, table, actor)


def _begin_job(
    parameters: Mapping[str, Any],
    table: Sequence[int],
    actor: UserRef | None,
    key: str | None = None,
) -> Job:
    with wrap_database_errors(write_alias()):
        total = misplaced_users(table).count()
    return begin_job(
        JobKind.LEVELS, parameters=parameters, total=total, actor=actor, key=key
    )
