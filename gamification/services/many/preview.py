"""Plays an act of staff on many users without writing anything."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gamification.domain.changeset import UserChangeset
from gamification.models import write_alias
from gamification.services.many.acts import (
    Act,
    changes_of,
    query_for,
    xp_of,
)
from gamification.services.unit_of_work import wrap_database_errors
from gamification.storage import Snapshot, Store, store_for
from gamification.storage.streaks import load_ledgers

#: The most users whom a preview plays, and the seconds after which it plays no more.
MAX_PLAYED: Final = 1_000
MAX_SECONDS: Final = 3.0

#: Users who are read and played together.
USERS_AT_ONCE: Final = 100


@dataclass(slots=True)
class ActPreview:
    """The effect of an act now, with everything that follows from it."""

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

    If there are more than 1,000 users, or too many for a few seconds, it plays a sample
    from everywhere in the list, and the numbers are those of the sample.
    """
    every = -(-len(user_ids) // MAX_PLAYED)
    sample = user_ids[:: max(1, every)]
    preview, store = ActPreview(len(user_ids)), store_for(write_alias())
    skipped = list[tuple[Any, str]]()
    unlocks, losses = Counter[str](), Counter[str]()
    for page in _pages_in_time(sample):
        preview.played += len(page)
        with wrap_database_errors(store.alias):
            snapshot = _snapshot(page, store)
            for user_id in page:
                changes = changes_of(act, user_id, snapshot, store, actor_id=actor_id)
                if isinstance(changes, str):
                    skipped.append((user_id, changes))
                else:
                    _add(preview, changes, unlocks, losses)
    preview.unlocks, preview.losses = unlocks, losses
    places = {user_id: place for place, user_id in enumerate(sample)}
    preview.skipped = sorted(skipped, key=lambda pair: places[pair[0]])
    return preview


def _pages_in_time(user_ids: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield pages of the users, until the time is up.

    Each page has users from everywhere in the list, so that those who were played are
    a sample of it.
    """
    pages, ends = -(-len(user_ids) // USERS_AT_ONCE), time.monotonic() + MAX_SECONDS
    for page in range(pages):
        yield user_ids[page::pages]
        if time.monotonic() > ends:
            break


def _snapshot(user_ids: Sequence[Any], store: Store) -> Snapshot:
    query = query_for(user_ids)
    snapshot = store.read(query)
    snapshot.welcome(query)
    # Otherwise, each user who unlocks something would take a query.
    load_ledgers(snapshot.states.values(), snapshot.catalogue, store)
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
    # Whoever earns or loses an achievement several times is one user.
    rows = {(keys[row.achievement_id], bool(row.revoked_at)) for row in changes.unlocks}
    for key, is_loss in rows:
        (losses if is_loss else unlocks)[key] += 1
