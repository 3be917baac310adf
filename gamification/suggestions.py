"""Helps messages show a wrong value and suggest the right one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

#: The longest value that a message shows, in characters.
MAX_SHOWN: Final = 60
#: The longest name that is compared; the time grows with the square of its length.
MAX_LENGTH: Final = 100
#: The most names that a message lists.
MAX_LISTED: Final = 5


def shown(value: object) -> str:
    """Return ``value`` for use in a message: quoted, and not too long."""
    try:
        text = repr(value)
    except ValueError:
        # Python refuses to convert a number with thousands of digits.
        return "with thousands of digits"
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" if one of the ``known`` names is like ``name``."""
    if not isinstance(name, str) or len(name) > MAX_LENGTH:
        return ""
    close = get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def did_you_mean_or_known(name: object, known: Iterable[str]) -> str:
    """Return the hint of ``did_you_mean``, or else the first ``known`` names."""
    names = sorted(known)
    listed = ", ".join(map(repr, names[:MAX_LISTED]))
    more = ", …" if names[MAX_LISTED:] else ""
    return did_you_mean(name, names) or (f" Known: {listed}{more}." if names else "")
