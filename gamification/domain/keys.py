"""Keys that the app gives to rows of its own, beside those that callers give."""

from __future__ import annotations

from typing import Final

#: Begins the app's own keys. No key of a caller can begin with it.
OWN: Final = "\u241f"


def own_key(*parts: object) -> str:
    """Return the key of a row of the app's own, which ``parts`` identify."""
    return OWN + ":".join(map(str, parts))
