"""Recording what users did."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.outcomes import Outcome
from gamification.domain.state import Record
from gamification.exceptions import GamificationError
from gamification.models import write_alias
from gamification.services.recording.batch import Intake
from gamification.services.recording.records import ActivityRecord, check_record
from gamification.services.recording.ruling import Result
from gamification.services.validation import UserRef
from gamification.storage import store_for


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What became of many records."""

    #: Records that were written, that had been written before, and that were refused.
    recorded: int = 0
    replayed: int = 0
    refused: int = 0
    #: XP that was credited, with that of achievements.
    xp: int = 0
    unlocks: int = 0

    @property
    def records(self) -> int:
        """All records that were looked at."""
        return self.recorded + self.replayed + self.refused

    def __add__(self, other: BatchReport) -> BatchReport:
        return BatchReport(
            self.recorded + other.recorded,
            self.replayed + other.replayed,
            self.refused + other.refused,
            self.xp + other.xp,
            self.unlocks + other.unlocks,
        )


def record_activity(
    user: UserRef,
    activity: str,
    *,
    occurred_at: datetime | None = None,
    quantity: int = 1,
    key: str | None = None,
    source: str = "",
    celebrate: bool = True,
    historical: bool = False,
) -> Outcome:
    """Record that ``user`` did ``activity``, with everything that it earns.

    ``quantity`` is in units of the activity, ``occurred_at`` an aware datetime (now
    if it is not given). With a ``key`` the record is made once, however often it is
    tried: the same request again returns the first outcome with ``replayed`` set.
    ``source`` names what it came from (``visions.kpi:42``), so that
    ``reverse_source`` can undo it. ``historical`` admits records of any age.

    Raises a kind of ``InvalidRequestError`` for a value that cannot be used,
    ``UnknownUserError``, ``UnknownActivityError``, ``IdempotencyConflictError`` if the
    key was used for another request, ``OutOfRangeError``, ``StorageError``.
    """
    record = ActivityRecord(user, activity, occurred_at, quantity, key, source)
    now = timezone.now()
    [outcome] = Intake(
        [check_record(record, now)],
        now,
        celebrate=celebrate,
        historical=historical or occurred_at is None,
        strict=True,
    ).perform()
    assert isinstance(outcome, Outcome)  # noqa: S101 - what strict means
    return outcome


def record_each(
    records: Iterable[ActivityRecord], *, celebrate: bool = True
) -> list[Outcome | GamificationError]:
    """Record activities of any users, and return what became of each.

    Results come in the order of the records: an outcome, or the error for which a
    record was refused, which stops none of the others. As many are written in one
    transaction as the store and ``BATCH_SIZE`` allow.

    Raises ``StorageError``, which leaves what earlier transactions wrote: with keys it
    is safe to try again.
    """
    results = list[Result]()
    for batch in _batches(records, None):
        now = timezone.now()
        results += Intake(
            _checked(batch, now, strict=False),
            now,
            celebrate=celebrate,
            historical=False,
            strict=False,
            is_numbered=True,
        ).perform()
    return results


def record_activities(
    records: Iterable[ActivityRecord],
    *,
    batch_size: int | None = None,
    progress: Callable[[BatchReport], None] | None = None,
    refused: Callable[[int, GamificationError], None] | None = None,
    celebrate: bool = True,
    historical: bool = False,
) -> BatchReport:
    """Record many activities of many users, a batch and a transaction at a time.

    ``progress`` is called with the report of each batch that was committed. A record
    that is refused is handed to ``refused`` with its position, from 0, and the others
    go on; without ``refused`` its error is raised, and its batch is not written.
    Otherwise as ``record_activity``; ``ValueError`` for a ``batch_size`` below 1.
    """
    strict, total, report = refused is None, BatchReport(), BatchReport()
    for batch in _batches(records, batch_size):
        now = timezone.now()
        with _without_collection():
            results = Intake(
                _checked(batch, now, strict=strict),
                now,
                celebrate=celebrate,
                historical=historical,
                strict=strict,
                expects_replays=report.replayed > 0,
            ).perform()
        for position, result in enumerate(results, total.records):
            if refused and isinstance(result, GamificationError):
                refused(position, result)
        report = _report(results)
        total += report
        if progress:
            progress(report)
    return total


def _batches(
    records: Iterable[ActivityRecord], size: int | None
) -> Iterator[list[ActivityRecord]]:
    size = conf.BATCH_SIZE if size is None else size
    if size < 1:
        msg = f"A batch has at least 1 record, not {size}."
        raise ValueError(msg)
    size = min(size, store_for(write_alias()).batch_size)
    iterator = iter(records)
    while batch := list(islice(iterator, size)):
        yield batch


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep the garbage collector from searching the values of a batch.

    They come in hundreds of thousands at once and go without its help; the search
    costs a fifth of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _checked(
    batch: Sequence[ActivityRecord], now: datetime, *, strict: bool
) -> list[Record | GamificationError]:
    checked = list[Record | GamificationError]()
    for record in batch:
        try:
            checked.append(check_record(record, now))
        except GamificationError as error:
            if strict:
                raise
            checked.append(error.with_traceback(None))
    return checked


def _report(results: Sequence[Result]) -> BatchReport:
    outcomes = [result for result in results if isinstance(result, Outcome)]
    fresh = [outcome for outcome in outcomes if not outcome.replayed]
    return BatchReport(
        recorded=len(fresh),
        replayed=len(outcomes) - len(fresh),
        refused=len(results) - len(outcomes),
        xp=sum(outcome.xp_gained for outcome in fresh),
        unlocks=sum(len(outcome.unlocks) for outcome in fresh),
    )
