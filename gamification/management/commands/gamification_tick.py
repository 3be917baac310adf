"""Does what is due: run it every minute."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import Error

from gamification.exceptions import GamificationError
from gamification.leaderboards import tend_boards
from gamification.staff import tend_filters


class Command(BaseCommand):
    help = (
        "Bring the kept leaderboards up to date with the ledger, and open those of new "
        "periods. Count what conditions of achievements need. Run it every minute; "
        "running it twice changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counted, users = tend_boards(), tend_filters()
        except (GamificationError, Error) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"pending scores: {counted}")
        if users:
            self.stdout.write(f"users counted for conditions: {users}")
