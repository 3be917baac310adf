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
from gamification.maintenance import (
    Drift,
    reconcile,
)
from gamification.management.options import check_batch_size
from gamification.management.progress_bar import Meter
from gamification.models import (
    write_alias,
)


class Command(BaseCommand):
    help = (
        "Compare what every user has (XP, levels, streaks, active days, tallies) with "
        "the ledger, and print each number that differs. The exit code is 1 if there "
        "is one, unless --fix put it right."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--fix",
            action="store_true",
            help="Rebuild users who differ from the ledger, without celebrations. The "
            "exit code is 0 if no user differs any more.",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=1_000,
            metavar="N",
            help="Users that are compared at a time.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        comparison = Comparison(
            fix=options["fix"], batch_size=check_batch_size(options["batch_size"])
        )
        terminal = options.get("stderr") or sys.stderr
        with Meter(terminal, " users", comparison.expected) as meter:
            for drift in comparison.run(meter):
                with meter.aside():
                    self.stdout.write(str(drift))
        self.stdout.write(f"users: {comparison.users}")
        self.stdout.write(f"drifts: {comparison.drifts}")
        self.stdout.write(f"users rebuilt: {comparison.rebuilt}")
        if comparison.wrong:
            hint = "rebuilding was no help" if options["fix"] else "--fix rebuilds them"
            wrong = f"Users who are not as the ledger says: {comparison.wrong}"
            raise CommandError(f"{wrong}; {hint}.")


class Comparison:
    """All users against the ledger, and what came of it."""

    def __init__(self, *, fix: bool, batch_size: int) -> None:
        self._fix = fix
        self._batch_size = batch_size
        #: Users that were compared, and numbers that differed.
        self.users = 0
        self.drifts = 0
        #: Users that were put right, and users that are still wrong.
        self.rebuilt = 0
        self.wrong = 0

    @property
    def expected(self) -> int:
        """The number of users there are."""
        return get_user_model()._base_manager.using(write_alias()).count()

    def run(self, meter: Meter) -> Iterator[Drift]:
        """Yield each number that differs; raise ``CommandError``."""

        def progress(users: int) -> None:
            self.users += users
            meter.advance(self.users)

        drifts = reconcile(
            fix=self._fix, batch_size=self._batch_size, progress=progress
        )
        try:
            for user_id, found in groupby(drifts, key=attrgetter("user_id")):
                for drift in found:
                    self.drifts += 1
                    yield drift
                self._judge(user_id)
        except (GamificationError, Error) as error:
            message = f"{error} {self.users} users had been compared."
            raise CommandError(message) from error

    def _judge(self, user_id: Any) -> None:
        if self._fix and not any(reconcile(user_id)):
            self.rebuilt += 1
        else:
            self.wrong += 1
