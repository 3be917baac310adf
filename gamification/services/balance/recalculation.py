"""Recalculating XP: entries that make past days give what activities give today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.db.models import Max
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.catalogue import ActivityRule, Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Entry
from gamification.domain.recalculation import DaySum, RecalculationChangeset, correct
from gamification.domain.totals import TotalOutOfRangeError
from gamification.exceptions import StaleEditError
from gamification.models import UserGamification, write_alias
from gamification.services.balance.recalculation_preview import (
    RecalculationScope,
    numbers_tag,
)
from gamification.services.catalogue.backfill import USERS_AT_ONCE, ledgers_of
from gamification.services.unit_of_work import (
    Change,
    Decision,
    perform,
    wrap_database_errors,
)
from gamification.services.user_batches import check_batch_size, next_users
from gamification.services.validation import (
    MAX_NOTE,
    UserRef,
    actor_id_of,
    check_text,
)
from gamification.storage import Snapshot, StateQuery, Store
from gamification.storage.catalogue import load_catalogue


@dataclass(frozen=True, slots=True)
class RecalculationProgress:
    """How far a recalculation has come."""

    #: Users whose past was corrected.
    corrected: int = 0
    #: Users who were left alone, because their total would have fallen below 0.
    skipped: int = 0
    #: XP that was added, less what was taken, with that of what was unlocked.
    xp: int = 0
    #: The user after whom to go on; None when all is done.
    after: Any = None

    def __add__(self, later: RecalculationProgress) -> RecalculationProgress:
        return RecalculationProgress(
            self.corrected + later.corrected,
            self.skipped + later.skipped,
            self.xp + later.xp,
            later.after,
        )

    @property
    def seen(self) -> int:
        """Users whose past was not what it should be."""
        return self.corrected + self.skipped


def recalculate_xp(
    past: RecalculationScope,
    *,
    actor: UserRef | None = None,
    note: str = "",
    expected: str | None = None,
    after: UserRef | None = None,
    limit: int = 1_000,
) -> RecalculationProgress:
    """Correct the past of the next ``limit`` users; nothing is celebrated.

    For each of their activities and dates that do not add up to what the activity
    gives now, an entry adds or takes the difference. What they did stays as it was
    recorded, and so do tallies and streaks. Who would fall below 0 is left alone. A
    repetition finds nothing more to correct.

    Users come in order of their keys; ``after`` is that of the last one who had a
    turn. ``expected`` is the tag of the preview: if an activity was edited since then,
    nothing is done. ``actor`` is who of the staff does it.

    Raises ``UnknownActivityError``, ``StaleEditError``, ``UnknownUserError``,
    ``InvalidTextError``, ``StorageError``, and ``ValueError`` for a ``limit`` below 1.
    """
    check_batch_size(limit)
    check_text("note", note, longest=MAX_NOTE)
    batch = _Batch(past, actor_id_of(actor), note, expected)
    profiles = UserGamification.objects.using(write_alias())
    user_ids, last = next_users(profiles, after=after, limit=limit)
    with wrap_database_errors(write_alias()):
        wrong = batch.wrong(user_ids)
    done = RecalculationProgress()
    for first in range(0, len(wrong), USERS_AT_ONCE):
        done += batch.perform(wrong[first : first + USERS_AT_ONCE])
    return replace(done, after=last)


@dataclass(frozen=True, slots=True)
class _Batch:
    """A recalculation of some users."""

    past: RecalculationScope
    actor_id: Any
    note: str
    expected: str | None

    def wrong(self, user_ids: Sequence[Any]) -> list[Any]:
        """Return who is to be corrected of users between whom there is nobody else."""
        if not user_ids:
            return []
        rules = self._rules(load_catalogue(write_alias()))
        between = {"user__gte": user_ids[0], "user__lte": user_ids[-1]}
        return sorted(self._corrections(rules, between))

    def perform(self, user_ids: Sequence[Any]) -> RecalculationProgress:
        """Correct what is still wrong of some users, in one transaction."""
        plan = partial(self._plan, user_ids)
        return perform(Change(write_alias(), user_ids, plan, self._decide))

    def _plan(self, user_ids: Sequence[Any], catalogue: Catalogue) -> StateQuery:
        return StateQuery(user_ids, conf.default_calendar)

    def _decide(
        self, snapshot: Snapshot, store: Store
    ) -> Decision[RecalculationProgress]:
        rules = self._rules(snapshot.catalogue)
        corrections = self._corrections(rules, {"user__in": [*snapshot.states]})
        ledgers = ledgers_of([*corrections])
        game, now = conf.rules(snapshot.catalogue), timezone.now()
        changesets = list[UserChangeset]()
        for user_id, entries in corrections.items():
            state, ledger = snapshot.states[user_id], ledgers[user_id]
            changeset = RecalculationChangeset(
                state, game, now, ledger, celebrate=False
            )
            if self._correct(changeset, entries):
                changesets.append(changeset)
        progress = RecalculationProgress(
            corrected=len(changesets),
            skipped=len(corrections) - len(changesets),
            xp=sum(
                entry.amount for changeset in changesets for entry in changeset.entries
            ),
        )
        return Decision(changesets, lambda written: progress, None)

    def _rules(self, catalogue: Catalogue) -> list[ActivityRule]:
        rules = self.past.rules(catalogue)
        if self.expected not in {None, numbers_tag(rules)}:
            raise StaleEditError
        return rules

    def _corrections(
        self, rules: Sequence[ActivityRule], whose: Mapping[str, Any]
    ) -> dict[Any, list[Entry]]:
        """Return what has to be booked, by user."""
        by_id = {rule.id: rule for rule in rules}
        sums = self.past.sums(rules).filter(**whose).annotate(last=Max("occurred_at"))
        corrections: dict[Any, list[Entry]] = {}
        for user_id, origin, day, units, paid, xp, last in sums.values_list(
            "user_id", "origin", "local_date", "units", "paid", "xp", "last"
        ):
            done = DaySum(user_id, origin, day, int(units), int(paid), int(xp), last)
            if entry := correct(done, by_id[origin]):
                corrections.setdefault(user_id, []).append(entry)
        return corrections

    def _correct(
        self, changeset: RecalculationChangeset, entries: Sequence[Entry]
    ) -> bool:
        """Book ``entries``; say whether the user's total can be kept."""
        change = sum(entry.amount for entry in entries)
        if change < 0 and changeset.total_xp + change < 0:
            return False
        signed = [
            entry._replace(
                recorded_at=changeset.now, actor_id=self.actor_id, note=self.note
            )
            for entry in entries
        ]
        try:
            changeset.correct(signed)
        except TotalOutOfRangeError:
            return False
        return True
