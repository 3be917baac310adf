"""Compares every derived number with the ledger."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import Error

from gamification.exceptions import GamificationError
from gamification.maintenance import BATCH_SIZE, Drift, reconcile
from gamification.management.options import check_batch_size
from gamification.management.progress_bar import ProgressBar
from gamification.models import write_alias


class Command(BaseCommand):
    help = (
        "Compare the XP, level, streaks, active days and tallies of every user with "
        "the ledger, and print each number that differs. The exit code is 1 if a "
        "number differs, unless --fix corrected it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--fix",
            action="store_true",
            help="Rebuild users who differ from the ledger, without celebrations. The "
            "exit code is 0 if no user differs afterwards.",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=BATCH_SIZE,
            metavar="N",
            help="Users to compare at a time.",
        )
        parser.add_argument(
            "--after",
            metavar="KEY",
            help="Compare only the users whose keys come after this one; a run that is "
            "interrupted names the key to continue with.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reconciler = Reconciler(
            fix=options["fix"],
            batch_size=check_batch_size(options["batch_size"]),
            after=options["after"],
        )
        terminal = options.get("stderr") or sys.stderr
        with ProgressBar(terminal, " users", reconciler.expected) as bar:
            for drift in reconciler.run(bar):
                with bar.paused():
                    self.stdout.write(str(drift))
        self.stdout.write(f"users: {reconciler.users}")
        self.stdout.write(f"drifts: {reconciler.drifts}")
        self.stdout.write(f"users rebuilt: {reconciler.rebuilt}")
        if reconciler.wrong:
            hint = (
                "rebuilding did not help" if options["fix"] else "--fix rebuilds them"
            )
            wrong = f"Users who differ from the ledger: {reconciler.wrong}"
            raise CommandError(f"{wrong}; {hint}.")


class Reconciler:
    """Compares all users with the ledger, and counts the results."""

    def __init__(self, *, fix: bool, batch_size: int, after: str | None) -> None:
        self._fix = fix
        self._batch_size = batch_size
        self._after = after
        #: The key of the last user who was compared.
        self._last: Any = None
        #: Users who were compared, and numbers that differed.
        self.users = 0
        self.drifts = 0
        #: Users who were corrected, and users who still differ.
        self.rebuilt = 0
        self.wrong = 0

    @property
    def expected(self) -> int:
        """The number of users."""
        return get_user_model()._base_manager.using(write_alias()).count()

    def run(self, bar: ProgressBar) -> Iterator[Drift]:
        """Yield each number that differs; raise ``CommandError``."""

        def progress(users: int, last: Any) -> None:
            self.users += users
            self._last = last
            bar.move_to(self.users)

        drifts = reconcile(
            fix=self._fix,
            batch_size=self._batch_size,
            after=self._after,
            progress=progress,
        )
        try:
            for user_id, found in groupby(drifts, key=attrgetter("user_id")):
                for drift in found:
                    self.drifts += 1
                    yield drift
                self._count(user_id)
        except (GamificationError, Error, KeyboardInterrupt) as error:
            raise CommandError(self._interruption(error)) from error

    def _interruption(self, error: BaseException) -> str:
        reason = str(error) or "Interrupted."
        place = f"; continue with --after {self._last}" if self.users else ""
        return f"{reason} {self.users} users were compared before{place}."

    def _count(self, user_id: Any) -> None:
        if self._fix and not any(reconcile(user_id)):
            self.rebuilt += 1
        else:
            self.wrong += 1
