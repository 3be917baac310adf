"""Builds, checks and reopens the kept leaderboards."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import Error

from gamification.conf import conf
from gamification.exceptions import GamificationError
from gamification.leaderboards import (
    EVERYBODY,
    Group,
    Window,
    count_drifts,
    rebuild_boards,
    reopen_board,
)
from gamification.management.options import check_batch_size
from gamification.management.progress_bar import ProgressBar
from gamification.models import UserGamification


class Command(BaseCommand):
    help = (
        "Build leaderboards from the ledger ('rebuild'), check that their counts add "
        "up ('check'), or open the final board of a past period again ('reopen'), with "
        "all that was recorded since. Recording continues meanwhile; until a board is "
        "built, the ledger answers for it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["rebuild", "check", "reopen"])
        parser.add_argument(
            "--window",
            choices=Window.values,
            help="Rebuild only this one; all of them by default.",
        )
        parser.add_argument(
            "--period",
            metavar="NAME",
            help="The period to rebuild or reopen, such as 2026-W47; the current one "
            "by default. It needs a window.",
        )
        parser.add_argument(
            "--groups",
            metavar="NAME",
            help="Rebuild the boards of all groups of this name in LEADERBOARD_GROUPS.",
        )
        parser.add_argument(
            "--group", metavar="KEY", help="Reopen the board of this group alone."
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=1_000,
            metavar="N",
            help="Users per transaction.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        _check_options(**options)
        try:
            if options["action"] == "check":
                self._check()
            elif options["action"] == "reopen":
                self._reopen(**options)
            else:
                self._rebuild(**options)
        except (GamificationError, Error) as error:
            raise CommandError(str(error)) from error

    def _check(self) -> None:
        drifts = count_drifts()
        for drift in drifts:
            self.stdout.write(drift)
        if drifts:
            raise CommandError(f"Wrong counts: {len(drifts)}; 'rebuild' fixes them.")

    def _reopen(
        self,
        window: str,
        period: str,
        groups: str | None,
        group: str | None,
        **options: Any,
    ) -> None:
        whose = Group(groups, group) if groups and group else EVERYBODY
        reopen_board(Window(window), period, group=whose, actor=None)
        self.stdout.write(f"reopened: {window} {period}")

    def _rebuild(
        self,
        window: str | None,
        period: str | None,
        groups: str | None,
        batch_size: int,
        **options: Any,
    ) -> None:
        windows = [*Window] if window is None else [Window(window)]
        size = check_batch_size(batch_size)
        users = UserGamification.objects.count()
        terminal = options.get("stderr") or sys.stderr
        with ProgressBar(terminal, " users", users * len(windows)) as bar:
            done = 0

            def progress(count: int) -> None:
                nonlocal done
                done += count
                bar.move_to(done)

            built = sum(
                rebuild_boards(
                    window=each,
                    period=period,
                    grouping=groups,
                    batch_size=size,
                    progress=progress,
                )
                for each in windows
            )
        self.stdout.write(f"boards: {built}")


def _check_options(
    action: str,
    window: str | None,
    period: str | None,
    groups: str | None,
    group: str | None,
    **options: Any,
) -> None:
    """Raise ``CommandError`` for options that do not go together."""
    if (period or action == "reopen") and not (window and period):
        raise CommandError("Name both a --window and a --period.")
    if groups is not None and groups not in conf.LEADERBOARD_GROUPS:
        raise CommandError(f"LEADERBOARD_GROUPS has no {groups!r}.")
    if (group is None) is not (groups is None or action != "reopen"):
        raise CommandError("Reopen a group by --groups and --group together.")
