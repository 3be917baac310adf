"""Holds users, excludes them from the game, and lifts either."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import Error
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from gamification.exceptions import GamificationError
from gamification.management.options import find_one_user
from gamification.models import Restriction, RestrictionKind
from gamification.staff import (
    all_restrictions,
    exclude_user,
    hold_user,
    lift_restriction,
)

#: The most restrictions that ``show`` writes.
MOST = 100


class Command(BaseCommand):
    help = (
        "Hold a user, so that leaderboards do not list them until a date, or exclude a "
        "user from the game, or lift either. Name users by user name, e-mail address "
        "or key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        hold = actions.add_parser("hold", help="Leave a user out of leaderboards.")
        exclude = actions.add_parser("exclude", help="Exclude a user from the game.")
        lift = actions.add_parser("lift", help="Lift a hold or an exclusion.")
        show = actions.add_parser("show", help="Show the restrictions of a user.")
        for each in (hold, exclude, lift, show):
            each.add_argument("user", help="The user.")
        hold.add_argument(
            "--until",
            required=True,
            help="When the hold ends: a date (its start in the site's time zone), or "
            "a date and time.",
        )
        lift.add_argument("kind", choices=RestrictionKind.values, help="What to lift.")
        for each in (hold, exclude):
            each.add_argument("--reason", required=True, help="For staff alone.")
        lift.add_argument("--reason", default="", help="For staff alone.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rows = _act(find_one_user(options["user"]), options)
        except (GamificationError, Error) as error:
            raise CommandError(str(error)) from error
        for row in rows:
            self.stdout.write(describe(row))


def describe(row: Restriction) -> str:
    """Return a line about a restriction."""
    end = f" until {row.until.isoformat()}" if row.until else ""
    lifted = f", lifted at {row.lifted_at.isoformat()}" if row.lifted_at else ""
    return f"{row.user}: {row.kind}{end}: {row.reason}{lifted}"


def _act(user: Any, options: dict[str, Any]) -> list[Restriction]:
    """Do what the options ask for; return the restrictions to write about."""
    match options["action"]:
        case "hold":
            until = _instant(options["until"])
            reason = options["reason"]
            return [hold_user(user, until=until, reason=reason, actor=None)]
        case "exclude":
            return [exclude_user(user, reason=options["reason"], actor=None)]
        case "lift":
            kind, reason = options["kind"], options["reason"]
            lifted = lift_restriction(user, kind, reason=reason, actor=None)
            if lifted is None:
                raise CommandError(f"The user has no {kind} to lift.")
            return [lifted]
    return [*all_restrictions(user)[:MOST]]


def _instant(text: str) -> datetime:
    """Return the instant that ``text`` names, in the site's zone unless it has one."""
    try:
        day, instant = parse_date(text), parse_datetime(text)
    except ValueError:
        day = instant = None
    if day is not None:
        instant = datetime.combine(day, datetime.min.time())
    if instant is None:
        raise CommandError(f"{text!r} is neither a date nor a date and time.")
    return timezone.make_aware(instant) if timezone.is_naive(instant) else instant
