"""Checks of options that the commands share or that are not plain values.

They are checked by the commands, not by the parser, which ``call_command`` bypasses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.management import CommandError

from gamification.staff import find_names


def check_batch_size(size: int) -> int:
    """Return ``size``, or raise ``CommandError``."""
    if size < 1:
        raise CommandError(f"The batch size must be at least 1, not {size}.")
    return size


def parse_renames(pairs: Iterable[str]) -> dict[str, str]:
    """Return the new name by the old one of ``FROM=TO`` texts."""
    renames: dict[str, str] = {}
    for pair in pairs:
        old, _, new = pair.rpartition("=")
        if not old or not new:
            raise CommandError(f"{pair!r} is not of the form FROM=TO.")
        if renames.setdefault(old, new) != new:
            raise CommandError(f"{old!r} cannot be both {renames[old]!r} and {new!r}.")
    return renames


def find_one_user(name: str) -> Any:
    """Return the key of the user with this name, or raise ``CommandError``."""
    found = [*find_names([name]).found]
    if len(found) != 1:
        raise CommandError(f"{name!r} does not identify exactly one user.")
    return found[0]
