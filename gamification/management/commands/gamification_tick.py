"""Does what is due: run it every minute."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import Error

from gamification.exceptions import GamificationError
from gamification.leaderboards import tend_boards


class Command(BaseCommand):
    help = (
        "Bring the kept leaderboards up to date with the ledger, and open those of new "
        "periods. Run it every minute; running it twice changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counted = tend_boards()
        except (GamificationError, Error) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"pending scores: {counted}")
