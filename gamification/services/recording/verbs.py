"""Records the activities of users."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.days import EPOCH
from gamification.domain.outcomes import Outcome, Withheld, WithheldReason
from gamification.domain.state import Record
from gamification.exceptions import (
    GamificationError,
    InactiveActivityError,
    UserExcludedError,
)
from gamification.models import write_alias
from gamification.services.players.progress import stored_progress
from gamification.services.recording.batch import Batch, Result
from gamification.services.recording.records import ActivityRecord, check_record
from gamification.services.recording.writing import write_batch
from gamification.services.validation import (
    UserRef,
    check_choice,
    user_id_of,
)
from gamification.storage import Store, store_for


@dataclass(frozen=True, slots=True)
class BatchReport:
    """The results of many records, in numbers."""

    #: Numbers of records written now, written before, and refused.
    recorded: int = 0
    replayed: int = 0
    refused: int = 0
    #: XP credited, including that of achievements.
    xp: int = 0
    unlocks: int = 0

    @property
    def records(self) -> int:
        """The number of all records."""
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
    if_inactive: Literal["raise", "skip"] = "raise",
) -> Outcome:
    """Record that ``user`` did ``activity``, with everything that it earns.

    ``quantity`` is in units of the activity; ``occurred_at`` is an aware datetime, or
    None for now. A ``key`` makes repeated calls safe: the same request again returns
    the first outcome with ``replayed`` set. ``source`` names the origin of the record
    (``visions.kpi:42``), so that ``reverse_source`` can undo it. ``historical`` allows
    records of any age. If staff have switched the activity off, ``if_inactive="skip"``
    changes nothing and raises no error: the outcome has no entry, and ``withheld`` says
    why. So it is for a user whom staff have excluded from the game.

    Raises a subclass of ``InvalidRequestError`` for an invalid value,
    ``UnknownUserError``, ``UnknownActivityError``, ``IdempotencyConflictError`` if the
    key was used for another request, ``OutOfRangeError``, ``StorageError``.
    """
    check_choice("if_inactive", if_inactive, ("raise", "skip"))
    record = ActivityRecord(user, activity, occurred_at, quantity, key, source)
    now, store = timezone.now(), store_for(write_alias())
    batch = Batch.of(
        {0: check_record(record, now)},
        now,
        oldest=_oldest(now, historical=historical or occurred_at is None),
        newest=now + conf.MAX_CLOCK_SKEW,
        celebrate=celebrate,
    )
    try:
        outcome = write_batch(batch, store, strict=True)[0]
    except InactiveActivityError:
        if if_inactive == "raise":
            raise
        return _skipped(user_id_of(user), quantity, WithheldReason.INACTIVE)
    except UserExcludedError:
        return _skipped(user_id_of(user), quantity, WithheldReason.EXCLUDED)
    assert isinstance(outcome, Outcome)  # noqa: S101 - what strict means
    return outcome


def _skipped(user_id: Any, quantity: int, reason: WithheldReason) -> Outcome:
    """Return the outcome of a skipped record, with the user's present totals."""
    row = stored_progress(user_id)
    return Outcome(
        entry=None,
        credited=0,
        withheld=Withheld(0, quantity, reason, None),
        total_xp=row.total_xp,
        level_before=row.level,
        level=row.level,
        current_streak=row.current_streak,
        longest_streak=row.longest_streak,
    )


def record_each(
    records: Iterable[ActivityRecord], *, celebrate: bool = True
) -> list[Outcome | GamificationError]:
    """Record activities of any users, and return the result of each.

    Results come in the order of the records: an outcome, or the error of a refused
    record, which does not stop the others. Each transaction writes as many records as
    the store and ``BATCH_SIZE`` allow.

    Raises ``StorageError``. Earlier transactions then stay written; with keys, it is
    safe to try again.
    """
    store, results = store_for(write_alias()), list[Result]()
    for part in _parts(records, store, None):
        results += _record_part(
            part, store, celebrate=celebrate, historical=False, has_ids=True
        )
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
    """Record many activities of many users, with one transaction for each batch.

    It calls ``progress`` with the report of each batch that it has written. It calls
    ``refused`` with the position, from 0, and the error of each record that it refuses,
    and goes on with the others. Without ``refused`` it raises that error, and does not
    write the batch. Everything else is as in ``record_activity``. Raises ``ValueError``
    for a ``batch_size`` below 1.
    """
    total, store = BatchReport(), store_for(write_alias())
    report = BatchReport()
    for part in _parts(records, store, batch_size):
        results = _record_part(
            part,
            store,
            celebrate=celebrate,
            historical=historical,
            strict=refused is None,
            expects_replays=report.replayed > 0,
        )
        for position, result in enumerate(results, total.records):
            if refused and isinstance(result, GamificationError):
                refused(position, result)
        report = _report(results)
        total += report
        if progress:
            progress(report)
    return total


def _record_part(
    part: Sequence[ActivityRecord],
    store: Store,
    *,
    celebrate: bool,
    historical: bool,
    strict: bool = False,
    **options: bool,
) -> list[Result]:
    """Record a part in one transaction; return the results in order."""
    now = timezone.now()
    records, results = _checked(part, now, strict=strict)
    if records:
        oldest = _oldest(now, historical=historical)
        batch = Batch.of(
            records,
            now,
            oldest=oldest,
            newest=now + conf.MAX_CLOCK_SKEW,
            celebrate=celebrate,
        )
        results |= write_batch(batch, store, strict=strict, **options)
    return [result for _, result in sorted(results.items())]


def _oldest(now: datetime, *, historical: bool) -> datetime:
    """Return the earliest instant at which a new record may have occurred."""
    return EPOCH if historical else now - conf.MAX_BACKDATE


def _parts(
    records: Iterable[ActivityRecord], store: Store, size: int | None
) -> Iterator[list[ActivityRecord]]:
    """Yield the records in parts, one for each transaction."""
    size = conf.BATCH_SIZE if size is None else size
    if size < 1:
        msg = f"A batch has at least 1 record, not {size}."
        raise ValueError(msg)
    iterator = iter(records)
    while part := list(islice(iterator, min(size, store.batch_size))):
        yield part


def _checked(
    part: Sequence[ActivityRecord], now: datetime, *, strict: bool
) -> tuple[dict[int, Record], dict[int, Result]]:
    """Return the valid records and the errors of the others, both by place."""
    records: dict[int, Record] = {}
    refused: dict[int, Result] = {}
    for place, record in enumerate(part):
        try:
            records[place] = check_record(record, now)
        except GamificationError as error:
            if strict:
                raise
            refused[place] = error.with_traceback(None)
    return records, refused


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
