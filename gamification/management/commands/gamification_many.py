"""Awards to a list of users, revokes, adjusts XP, and takes back a period."""

from __future__ import annotations

import sys
from datetime import date
from typing import Any, Final

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import Error

from gamification.exceptions import GamificationError
from gamification.management.commands.gamification_job import run_to_end
from gamification.management.importing.command import open_input
from gamification.management.options import find_one_user
from gamification.models import Job, JobKind
from gamification.staff import (
    Act,
    UserList,
    begin_list,
    begin_take_back,
    find_first_job,
    find_users,
    preview_list,
    preview_take_back,
)
from gamification.values import ActPreview

HELP = (
    "Do something to many users, in a job that can be taken back as a whole "
    "(gamification_job --undo). Files are lists of user names, e-mail addresses or "
    "keys, or CSV files with the heading username, email or key; - is standard input. "
    "Without --begin, only show what would happen."
)

#: The largest list, in bytes.
MAX_SIZE: Final = 4_000_000

#: Actions and the kinds of their jobs.
KINDS: Final = {
    "award": JobKind.AWARD,
    "revoke": JobKind.REVOCATION,
    "adjust": JobKind.ADJUSTMENT,
    "take-back": JobKind.REVERSAL,
}


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        award = actions.add_parser("award", help="Award an achievement to a list.")
        revoke = actions.add_parser("revoke", help="Revoke an achievement from a list.")
        adjust = actions.add_parser("adjust", help="Add XP to each user of a list.")
        back = actions.add_parser("take-back", help="Take back a period of records.")
        for each in (award, revoke):
            each.add_argument("achievement", help="Key of the achievement.")
        adjust.add_argument("amount", type=int, help="XP; negative to take XP.")
        for each in (award, revoke, adjust):
            each.add_argument("file", help="The list of users.")
        for each in (award, adjust):
            each.add_argument(
                "--celebrate", action="store_true", help="Show users what they got."
            )
        for name, which in (("--since", "first"), ("--until", "last")):
            meaning = f"The {which} date, as YYYY-MM-DD, on the users' own calendars."
            back.add_argument(
                name, type=date.fromisoformat, required=True, help=meaning
            )
        back.add_argument("--user", help="Only from this user; everybody by default.")
        back.add_argument("--activity", default="", help="Only this activity.")
        for each in (award, revoke, adjust, back):
            each.add_argument("--note", default="", help="The reason, for the user.")
            each.add_argument(
                "--internal-note",
                default="",
                help="The reason, for staff alone. --begin needs one of the two.",
            )
            each.add_argument(
                "--begin", action="store_true", help="Do it, and wait until it is done."
            )
            each.add_argument(
                "--key", help="Repeat the command with its key to continue its job."
            )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._act(options)
        except (GamificationError, Error) as error:
            raise CommandError(str(error)) from error

    def _act(self, options: dict[str, Any]) -> None:
        act = _act_of(options)
        is_list = act.kind != JobKind.REVERSAL
        text, name = _read(options["file"]) if is_list else "", options.get("user")
        request = [act.kind, act.parameters(), text, name]
        asked = {"actor": None, "key": options["key"], "request": request}
        if options["begin"] and (first := find_first_job(**asked)):
            return self._run(first, options)
        users = find_users(text) if is_list else UserList({})
        self._show_names(users)
        user = None if name is None else find_one_user(name)
        if not options["begin"]:
            preview = (
                preview_list(act, users.found)
                if is_list
                else preview_take_back(act, user=user)
            )
            return self._show(preview)
        if is_list:
            job = begin_list(act, users.found, **asked)
        else:
            job = begin_take_back(act, user=user, **asked)
        return self._run(job, options)

    def _show_names(self, users: UserList) -> None:
        for name in users.unknown:
            self.stderr.write(f"not found: {name}")
        for name in users.ambiguous:
            self.stderr.write(f"matches several users: {name}")

    def _show(self, preview: ActPreview) -> None:
        self.stdout.write(
            f"users: {preview.users}, XP: {preview.xp}, skipped: {len(preview.skipped)}"
        )
        for key, count in sorted(preview.unlocks.items()):
            self.stdout.write(f"unlocks {key}: {count}")
        for key, count in sorted(preview.losses.items()):
            self.stdout.write(f"takes back {key}: {count}")
        if not preview.is_exact:
            self.stdout.write(f"of a sample: {preview.played} of {preview.asked} users")
        self.stdout.write("This was a preview: nothing was changed.")

    def _run(self, job: Job, options: dict[str, Any]) -> None:
        job = run_to_end(job.pk, options.get("stderr") or sys.stderr)
        self.stdout.write(
            f"job {job.pk}: users: {job.done}, skipped: {job.skipped}, XP: {job.xp}"
        )
        if job.error:
            raise CommandError(f"job {job.pk}: {job.error}")


def _act_of(options: dict[str, Any]) -> Act:
    names = ("achievement", "amount", "activity", "since", "until", "celebrate")
    given = {name: options[name] for name in names if name in options}
    kind = KINDS[options["action"]]
    # Only beginning an adjustment needs a note; a preview does not.
    note = options["note"] or ("" if options["begin"] else "–")
    return Act(kind=kind, note=note, internal_note=options["internal_note"], **given)


def _read(path: str) -> str:
    with open_input(path) as stream:
        data = stream.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise CommandError(f"The list is larger than {MAX_SIZE:,} bytes.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError("The list is not UTF-8 text.") from error
