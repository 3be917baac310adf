"""Plays an act of staff on many users without writing anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gamification.domain.changeset import UserChangeset
from gamification.models import write_alias
from gamification.services.many.acts import (
    USERS_AT_ONCE,
    Act,
    changes_of,
    query_for,
    xp_of,
)
from gamification.services.unit_of_work import wrap_database_errors
from gamification.storage import Snapshot, Store, store_for

#: The most users whom a preview plays: a few seconds of work.
MAX_PLAYED: Final = 1_000


@dataclass(slots=True)
class ActPreview:
    """What an act would do now, with everything that follows from it."""

    #: Users who were asked about, and those of them who were played.
    asked: int
    played: int = 0
    #: Users who would change, and the XP that they would gain or lose.
    users: int = 0
    xp: int = 0
    #: Users whose level would be higher, or lower.
    raised: int = 0
    lowered: int = 0
    #: Users who would unlock or lose each achievement, by key.
    unlocks: Mapping[str, int] = field(default_factory=dict)
    losses: Mapping[str, int] = field(default_factory=dict)
    #: Users who would be skipped, each with the reason.
    skipped: Sequence[tuple[Any, str]] = ()

    @property
    def is_exact(self) -> bool:
        """Whether all users were played; otherwise, it is a sample of them."""
        return self.played == self.asked


def play_act(act: Act, user_ids: Sequence[Any], *, actor_id: Any = None) -> ActPreview:
    """Return what ``act`` would do now to these users; changes nothing.

    Of more than 1,000 users, it plays a sample in which every so many of them are,
    and the numbers are those of the sample.
    """
    every = -(-len(user_ids) // MAX_PLAYED)
    sample = user_ids[:: max(1, every)]
    preview, store = ActPreview(len(user_ids), len(sample)), store_for(write_alias())
    skipped = list[tuple[Any, str]]()
    unlocks, losses = Counter[str](), Counter[str]()
    for first in range(0, len(sample), USERS_AT_ONCE):
        page = sample[first : first + USERS_AT_ONCE]
        with wrap_database_errors(store.alias):
            snapshot = _snapshot(page, store)
            for user_id in page:
                changes = changes_of(act, user_id, snapshot, store, actor_id=actor_id)
                if isinstance(changes, str):
                    skipped.append((user_id, changes))
                else:
                    _add(preview, changes, unlocks, losses)
    preview.unlocks, preview.losses = unlocks, losses
    preview.skipped = skipped
    return preview


def _snapshot(user_ids: Sequence[Any], store: Store) -> Snapshot:
    query = query_for(user_ids)
    snapshot = store.read(query)
    snapshot.welcome(query)
    return snapshot


def _add(
    preview: ActPreview,
    changes: UserChangeset,
    unlocks: Counter[str],
    losses: Counter[str],
) -> None:
    preview.users += 1
    preview.xp += xp_of(changes)
    preview.raised += changes.level > changes.state.level
    preview.lowered += changes.level < changes.state.level
    keys = {rule.id: key for key, rule in changes.rules.catalogue.achievements.items()}
    for row in changes.unlocks:
        count = losses if row.revoked_at else unlocks
        count[keys[row.achievement_id]] += 1
