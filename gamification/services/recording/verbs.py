"""Records the activities of users."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any, Literal

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.conditions import AttributeValue
from gamification.domain.days import EPOCH
from gamification.domain.outcomes import Outcome, Withheld, WithheldReason
from gamification.exceptions import (
    GamificationError,
    InactiveActivityError,
    UserExcludedError,
)
from gamification.models import write_alias
from gamification.services.players.progress import stored_progress
from gamification.services.recording.batch import (
    Batch,
    RecordValues,
    Result,
    Terms,
    earned_by,
)
from gamification.services.recording.records import ActivityRecord, check_record
from gamification.services.recording.single import write_record
from gamification.services.recording.writing import write_batch
from gamification.services.validation import (
    UserRef,
    check_choice,
    user_id_of,
)
from gamification.storage import Store, store_for
from gamification.suggestions import shown


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
    attributes: Mapping[str, AttributeValue] | None = None,
    celebrate: bool = True,
    historical: bool = False,
    if_inactive: Literal["raise", "skip"] = "raise",
) -> Outcome:
    """Record that ``user`` did ``activity``, with everything that it earns.

    ``quantity`` is in units of the activity; ``occurred_at`` is an aware datetime, or
    None for now. A ``key`` makes repeated calls safe: the same request again returns
    the first outcome with ``replayed`` set. ``source`` names the origin of the record
    (``visions.kpi:42``), so that ``reverse_source`` can undo it. ``attributes`` are
    values by key, as the activity declares them. ``historical`` allows records of any
    age. If staff have switched the activity off, ``if_inactive="skip"`` changes nothing
    and raises no error: the outcome has no entry, and ``withheld`` says why. The same
    goes for a user whom staff have excluded from the game.

    Raises a subclass of ``InvalidRequestError`` for an invalid value, such as
    ``UnknownAttributeError``; ``UnknownUserError``, ``UnknownActivityError``,
    ``IdempotencyConflictError`` if the key was used for another request,
    ``OutOfRangeError``, ``StorageError``.
    """
    check_choice("if_inactive", if_inactive, ("raise", "skip"))
    record = ActivityRecord(
        user, activity, occurred_at, quantity, key, source, attributes
    )
    now, store = timezone.now(), store_for(write_alias())
    terms = _terms(now, celebrate=celebrate, historical=historical)
    try:
        return write_record(check_record(record, now), terms, store)
    except InactiveActivityError:
        if if_inactive == "raise":
            raise
        return _skipped(user_id_of(user), quantity, WithheldReason.INACTIVE)
    except UserExcludedError:
        return _skipped(user_id_of(user), quantity, WithheldReason.EXCLUDED)


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
    store, results = store_for(write_alias()), list[Outcome | GamificationError]()
    for part in _parts(records, store, None):
        made = _record_part(
            part, store, celebrate=celebrate, historical=False, has_ids=True
        )
        results += [each for each in made if not isinstance(each, tuple)]
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
    part: Iterable[ActivityRecord],
    store: Store,
    *,
    celebrate: bool,
    historical: bool,
    strict: bool = False,
    **options: bool,
) -> list[Result]:
    """Record a part in one transaction; return the results in order."""
    records, results = _checked(part, timezone.now(), strict=strict)
    if records:
        # It may take the caller some time to make the records.
        terms = _terms(timezone.now(), celebrate=celebrate, historical=historical)
        batch = Batch.of(records, terms)
        results |= write_batch(batch, store, strict=strict, **options)
    return [results[place] for place in range(len(results))]


def _terms(now: datetime, *, celebrate: bool, historical: bool) -> Terms:
    oldest = EPOCH if historical else now - conf.MAX_BACKDATE
    return Terms(now, oldest, now + conf.MAX_CLOCK_SKEW, celebrate, historical)


def _parts(
    records: Iterable[ActivityRecord], store: Store, size: int | None
) -> Iterator[Iterable[ActivityRecord]]:
    """Yield the records in parts, one for each transaction.

    Nothing keeps a record that has been taken from its part.
    """
    size = conf.BATCH_SIZE if size is None else size
    if size < 1:
        msg = f"A batch has at least 1 record, not {size}."
        raise ValueError(msg)
    iterator, rest = iter(records), min(size, store.batch_size) - 1
    for first in iterator:
        yield chain((first,), islice(iterator, rest))


def _checked(
    part: Iterable[ActivityRecord], now: datetime, *, strict: bool
) -> tuple[dict[int, RecordValues], dict[int, Result]]:
    """Return the valid records and the errors of the others, both by place."""
    records: dict[int, RecordValues] = {}
    refused: dict[int, Result] = {}
    for place, record in enumerate(part):
        if not isinstance(record, ActivityRecord):
            msg = f"{shown(record)} is not an ActivityRecord."
            raise TypeError(msg)
        try:
            records[place] = tuple(check_record(record, now))
        except GamificationError as error:
            if strict:
                raise
            refused[place] = error.with_traceback(None)
    return records, refused


def _report(results: Sequence[Result]) -> BatchReport:
    recorded = replayed = refused = xp = unlocks = 0
    for result in results:
        if isinstance(result, GamificationError):
            refused += 1
            continue
        gained, new, is_replay = earned_by(result)
        if is_replay:
            replayed += 1
            continue
        recorded, xp, unlocks = recorded + 1, xp + gained, unlocks + new
    return BatchReport(recorded, replayed, refused, xp, unlocks)
