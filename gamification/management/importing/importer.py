"""One run of an import: rows in, records out, and the tally of what became of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice, takewhile
from typing import Final, TypeVar

from django.db import connections, reset_queries, transaction

from gamification.exceptions import GamificationError
from gamification.management.importing.distinct import DistinctCounter
from gamification.management.importing.lookup import Resolver
from gamification.management.importing.readers import NumberedRow
from gamification.models import (
    write_alias,
)
from gamification.services import (
    ActivityRecord,
    BatchReport,
    record_activities,
)

T = TypeVar("T")

#: Rows whose users and activities are looked up at a time.
CHUNK: Final = 1_000


class ImportRun:
    """Records rows a batch at a time, and knows which are settled and which were bad.

    ``complain`` is told the line of each bad row and what is wrong with it. With
    ``strict`` it is not: the first bad row becomes ``fatal`` and the last one read.
    """

    def __init__(
        self,
        rows: Iterable[NumberedRow],
        resolver: Resolver,
        users: DistinctCounter,
        complain: Callable[[int, GamificationError], None],
        *,
        strict: bool = False,
    ) -> None:
        self._rows = _until_bad(rows) if strict else rows
        self._resolver = resolver
        self._users = users
        self._complain = complain
        self._strict = strict
        #: Lines of the records whose batch is not committed yet.
        self._open: deque[int] = deque()
        self.rows = 0
        self.errors = 0
        self.report = BatchReport()
        #: The line of the last record that was committed, or had been before.
        self.settled_line = 0
        #: The first bad row, with ``strict``.
        self.fatal: tuple[int, GamificationError] | None = None

    def perform(
        self,
        progress: Callable[[], None],
        *,
        batch_size: int | None = None,
        celebrate: bool = False,
        dry_run: bool = False,
    ) -> None:
        """Record the rows; call ``progress`` after each batch.

        With ``dry_run`` all of it is one transaction that is rolled back.
        """
        with rehearsal(write_alias()) if dry_run else nullcontext(_nothing) as forget:

            def settle(report: BatchReport) -> None:
                self._settle(report)
                forget()
                progress()

            record_activities(
                self._records(),
                batch_size=batch_size,
                progress=settle,
                refused=self._refuse,
                celebrate=celebrate,
                historical=True,
            )

    def _records(self) -> Iterator[ActivityRecord]:
        for chunk in takewhile(lambda _: not self.fatal, _chunks(self._rows, CHUNK)):
            users: set[str] = set()
            for line, record in self._resolver.resolve(chunk):
                if self.fatal:
                    break
                self.rows += 1
                if isinstance(record, GamificationError):
                    self._reject(line, record)
                else:
                    self._open.append(line)
                    users.add(str(record.user))
                    yield record
            self._users.add(users)

    def _refuse(self, position: int, error: GamificationError) -> None:
        self._reject(self._open[position - self.report.records], error)

    def _settle(self, report: BatchReport) -> None:
        for _ in range(report.records):
            self.settled_line = self._open.popleft()
        self.report += report
        # With DEBUG, Django keeps the text of thousands of statements.
        reset_queries()

    def _reject(self, line: int, error: GamificationError) -> None:
        self.errors += 1
        # The frames of its traceback hold on to the batch, which holds on to it.
        error.with_traceback(None)
        if not self._strict:
            self._complain(line, error)
        elif not self.fatal or line < self.fatal[0]:
            self.fatal = line, error


def _nothing() -> None:
    """Do nothing."""


def _until_bad(rows: Iterable[NumberedRow]) -> Iterator[NumberedRow]:
    """Yield rows up to the first bad one, so that nothing is made for those behind."""
    for line, row in rows:
        yield line, row
        if isinstance(row, GamificationError):
            return


def _chunks(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


@contextmanager
def rehearsal(alias: str) -> Iterator[Callable[[], None]]:
    """Take back at the end what is done inside.

    What is yielded forgets whom to tell after the commit, which never comes: they
    would pile up.
    """
    connection = connections[alias]
    with transaction.atomic(using=alias):
        promised = len(connection.run_on_commit)

        def forget() -> None:
            del connection.run_on_commit[promised:]

        yield forget
        transaction.set_rollback(True, using=alias)
