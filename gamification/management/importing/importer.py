"""Runs an import: records rows batch by batch, and counts the results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice, takewhile
from typing import Final, TypeVar

from django.db import connections, reset_queries, transaction

from gamification.exceptions import GamificationError
from gamification.management.importing.counter import DiskCounter
from gamification.management.importing.readers import NumberedRow
from gamification.management.importing.records import RecordBuilder
from gamification.models import write_alias
from gamification.services import ActivityRecord, BatchReport, record_activities

T = TypeVar("T")

#: Rows whose users and activities are looked up at a time.
CHUNK: Final = 1_000


class Importer:
    """Records rows, and knows how many were committed and which have an error.

    ``report_error`` is called with the line and the error of each bad row. A
    ``strict`` importer stops instead: the first bad row becomes ``first_error``, and
    is the last one read.
    """

    def __init__(
        self,
        rows: Iterable[NumberedRow],
        builder: RecordBuilder,
        users: DiskCounter,
        report_error: Callable[[int, GamificationError], None],
        *,
        strict: bool = False,
    ) -> None:
        self._rows = _until_bad(rows) if strict else rows
        self._builder = builder
        self._users = users
        self._report_error = report_error
        self._strict = strict
        #: Lines of the records whose batch is not committed yet.
        self._pending: deque[int] = deque()
        self.rows = 0
        self.errors = 0
        #: The codes of the errors.
        self.codes: set[str] = set()
        self.report = BatchReport()
        #: The line of the last record that is committed.
        self.committed_line = 0
        #: The first bad row, if ``strict``.
        self.first_error: tuple[int, GamificationError] | None = None

    @property
    def done(self) -> int:
        """The number of rows in the ledger, by this import or an earlier one."""
        return self.report.recorded + self.report.replayed

    def run(
        self,
        progress: Callable[[], None],
        *,
        batch_size: int | None = None,
        celebrate: bool = False,
        dry_run: bool = False,
    ) -> None:
        """Record the rows; call ``progress`` after each batch.

        A ``dry_run`` is one transaction that is rolled back.
        """
        transaction_of_all = rolled_back(write_alias()) if dry_run else nullcontext()
        with transaction_of_all as forget_callbacks:

            def count(report: BatchReport) -> None:
                self._count(report)
                if forget_callbacks:
                    forget_callbacks()
                progress()

            record_activities(
                self._records(),
                batch_size=batch_size,
                progress=count,
                refused=self._refuse,
                celebrate=celebrate,
                historical=True,
            )

    def _records(self) -> Iterator[ActivityRecord]:
        chunks = takewhile(lambda _: not self.first_error, _chunks(self._rows, CHUNK))
        for chunk in chunks:
            users: set[str] = set()
            for line, record in self._builder.build(chunk):
                if self.first_error:
                    break
                self.rows += 1
                if isinstance(record, GamificationError):
                    self._reject(line, record)
                else:
                    self._pending.append(line)
                    users.add(str(record.user))
                    yield record
            for user in users:
                self._users.add(user)

    def _refuse(self, position: int, error: GamificationError) -> None:
        self._reject(self._pending[position - self.report.records], error)

    def _count(self, report: BatchReport) -> None:
        for _ in range(report.records):
            self.committed_line = self._pending.popleft()
        self.report += report
        # With DEBUG, Django keeps the text of thousands of statements.
        reset_queries()

    def _reject(self, line: int, error: GamificationError) -> None:
        self.errors += 1
        self.codes.add(error.code)
        # The frames of its traceback refer to the batch, which refers to it.
        error.with_traceback(None)
        if not self._strict:
            self._report_error(line, error)
        elif not self.first_error or line < self.first_error[0]:
            self.first_error = line, error


def _until_bad(rows: Iterable[NumberedRow]) -> Iterator[NumberedRow]:
    """Yield rows up to the first bad one, so that no later row creates a user."""
    for line, row in rows:
        yield line, row
        if isinstance(row, GamificationError):
            return


def _chunks(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


@contextmanager
def rolled_back(alias: str) -> Iterator[Callable[[], None]]:
    """Roll back the transaction at the end.

    It yields a function that forgets the callbacks to call after the commit, which
    never comes: they would use more and more memory.
    """
    connection = connections[alias]
    with transaction.atomic(using=alias):
        count = len(connection.run_on_commit)

        def forget_callbacks() -> None:
            del connection.run_on_commit[count:]

        yield forget_callbacks
        transaction.set_rollback(True, using=alias)
