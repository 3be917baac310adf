"""Work over many users in steps: each stands by itself, and any can be the last."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from gamification.exceptions import GamificationError, UnknownRunError
from gamification.models import Run, RunKind
from gamification.services.requests import MAX_ID, UserRef, actor_id_of, write_alias
from gamification.services.transactions import in_transaction, translating
from gamification.storage import Store

logger = logging.getLogger(__name__)

#: How long a step keeps others from beginning one, should it never end.
LEASE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did."""

    #: Users who had a turn, and the XP that they got.
    done: int = 0
    xp: int = 0
    #: Where the next step begins, as JSON has it; None when all is done.
    cursor: Any = None
    #: Those of the users who were left alone.
    skipped: int = 0


#: Does the next step of a run, in the name of a user, within a transaction.
Stepper: TypeAlias = Callable[[Run, Any], Step]

#: What does the steps, by the kind of the run.
STEPPERS: Final[dict[str, Stepper]] = {}


class LeaseLostError(Exception):
    """The step took so long that somebody else went on from where it began."""


def begin_run(
    kind: RunKind, *, parameters: Mapping[str, Any], total: int, actor: UserRef | None
) -> Run:
    """Write down that ``actor`` wants this done to about ``total`` users; return it.

    What ``parameters`` are depends on the kind. Nothing is done yet; see ``step_run``.
    Raises ``UnknownUserError`` and ``StorageError``.
    """
    actor_id, alias = actor_id_of(actor), write_alias()
    run = Run(kind=kind, parameters={**parameters}, total=total, actor_id=actor_id)
    with translating(alias):
        run.save(using=alias)
    log = partial(logger.info, "Run %s: %s begun by user %s.", run.pk, kind, actor_id)
    transaction.on_commit(log, using=alias)
    return run


def step_run(run_id: int, *, actor: UserRef | None) -> Run:
    """Do the next step of a run; return the run as it is then.

    A step is kept whole, with where the next one begins, or not at all. Nothing is
    done if the run is over, or if somebody else does a step: ``stepping_until`` is
    set. What keeps the step from being done is the run's ``error`` until another try.
    What is done names who began the run, or else ``actor``.

    Raises ``UnknownRunError``, ``UnknownUserError``, ``StorageError``.
    """
    actor_id, alias = actor_id_of(actor), write_alias()
    with translating(alias):
        lease = _take_lease(run_id)
        run = find_run(run_id)
    if lease is None:
        return run
    step = partial(_step, run, lease, run.actor_id or actor_id)
    try:
        in_transaction(alias, [], step)
    except GamificationError as error:
        with translating(alias):
            leased = _rows(run_id).filter(stepping_until=lease)
            leased.update(error=str(error), stepping_until=None)
    except LeaseLostError:
        logger.warning("Run %s: a step took longer than %s.", run_id, LEASE)
    return find_run(run_id)


def find_run(run_id: int) -> Run:
    """Return the run with this number, and who began it; ``UnknownRunError``."""
    run = _rows(run_id).select_related("actor").first()
    if run is None:
        raise UnknownRunError(run=run_id)
    return run


def _rows(run_id: int) -> QuerySet[Run]:
    rows = Run.objects.using(write_alias())
    return rows.filter(pk=run_id) if 0 < run_id <= MAX_ID else rows.none()


def _take_lease(run_id: int) -> datetime | None:
    """Keep others from stepping; None if the run is over or somebody else steps."""
    now = timezone.now()
    free = Q(stepping_until=None) | Q(stepping_until__lte=now)
    waiting = _rows(run_id).filter(free, finished_at=None)
    lease = now + LEASE
    return lease if waiting.update(stepping_until=lease, error="") else None


def _step(run: Run, lease: datetime, actor_id: Any, store: Store) -> None:
    step = STEPPERS[run.kind](run, actor_id)
    is_over = step.cursor is None
    # Whoever lost the lease undoes the step, which somebody else did.
    is_kept = (
        _rows(run.pk)
        .filter(stepping_until=lease)
        .update(
            done=run.done + step.done,
            skipped=run.skipped + step.skipped,
            xp=run.xp + step.xp,
            cursor=step.cursor,
            stepping_until=None,
            finished_at=timezone.now() if is_over else None,
        )
    )
    if not is_kept:
        raise LeaseLostError
