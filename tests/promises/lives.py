"""Lives as lists of steps: the name of a verb, and its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gamification.exceptions import GamificationError
from tests.promises.items import Refused


def live(life: Any, steps: list[Any]) -> list[Any]:
    """Take the steps; return the answer to each, and the state at the end."""
    said = []
    for name, *arguments in steps:
        verb: Callable[..., Any] = getattr(life, name)
        try:
            answer = verb(*arguments)
        except (GamificationError, Refused) as refusal:
            answer = getattr(refusal, "code", str(refusal))
        said.append(((name, *arguments), answer))
    return [*said, life.state()]
