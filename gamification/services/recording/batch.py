"""The way of records through one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.outcomes import Outcome
from gamification.domain.state import Record
from gamification.exceptions import GamificationError
from gamification.models import write_alias
from gamification.services.dispatch import announce_records, is_heard
from gamification.services.recording.ruling import Result, Ruling
from gamification.services.unit_of_work import (
    Change,
    Decision,
    KeyTakenError,
    decide_once,
    perform,
)
from gamification.services.validation import EPOCH
from gamification.storage import Snapshot, StateQuery, Store, Written, store_for
from gamification.storage.base import in_order

#: An instant's local date is at most this far from its date in UTC.
_MARGIN = timedelta(days=2)

_ALL_TIME = (date.min, date.max)


class Intake:
    """Records that are decided and written together.

    With ``strict``, the first that is refused raises its error and none is written;
    otherwise its error stands in its place among the results. Where a store says so,
    keys are not looked up before it turns out that one was used, unless
    ``expects_replays``. With ``is_numbered``, outcomes carry the ids of what was
    written also where there are many and nobody listens.
    """

    def __init__(
        self,
        checked: Sequence[Record | GamificationError],
        now: datetime,
        *,
        celebrate: bool,
        historical: bool,
        strict: bool,
        expects_replays: bool = True,
        is_numbered: bool = False,
    ) -> None:
        self._now = now
        self._celebrate = celebrate
        self._historical = historical
        self._strict = strict
        #: By their places.
        self._records: dict[int, Record] = {}
        self._refused: dict[int, GamificationError] = {}
        for index, item in enumerate(checked):
            if isinstance(item, Record):
                self._records[index] = item
            else:
                self._refused[index] = item
        self._user_ids = in_order(r.user_id for r in self._records.values())
        self._alias = write_alias()
        is_single = len(self._user_ids) == 1
        self._looks_up_keys = (
            expects_replays or is_single or not store_for(self._alias).optimistic
        )
        self._is_announced = celebrate and is_heard()
        self._is_numbered = is_numbered or self._is_announced or len(checked) == 1
        #: What was decided; a later one overrules those before.
        self._rulings: list[Ruling] = []

    def perform(self) -> list[Result]:
        """Return what became of each record, in the order in which they came."""
        if not self._records:
            return [*self._refused.values()]
        change = Change(
            self._alias, self._user_ids, self._plan, self._decide, self._decide_some
        )
        try:
            return perform(change)
        except KeyTakenError:
            self._looks_up_keys, self._rulings = True, []
            return perform(change)

    def _plan(self, catalogue: Catalogue) -> StateQuery:
        names = {record.activity for record in self._records.values()}
        known = catalogue.activities
        rules = [known[name] for name in names if name in known]
        limited = [rule.id for rule in rules if rule.daily_limit is not None]
        cooled = [rule.id for rule in rules if rule.cooldown is not None]
        cooldown = max((rule.cooldown or 0 for rule in rules), default=0)
        since, until = self._dates(cooldown) if limited or cooled else _ALL_TIME
        return StateQuery(
            self._user_ids,
            conf.default_calendar,
            keys=self._keys() if self._looks_up_keys else (),
            tallies=[rule.id for rule in rules],
            limited=limited,
            cooled=cooled,
            since=since,
            until=until,
        )

    def _dates(self, cooldown: int) -> tuple[date, date]:
        """Return the dates between which other records may limit these."""
        instants = [record.occurred_at for record in self._records.values()]
        margin = _MARGIN + timedelta(seconds=cooldown)
        return (min(instants) - margin).date(), (max(instants) + margin).date()

    def _keys(self) -> list[tuple[object, str]]:
        records = self._records.values()
        return [(r.user_id, r.key) for r in records if r.key is not None]

    def _decide(self, snapshot: Snapshot, store: Store) -> Decision[list[Result]]:
        self._rulings = []
        return self._decide_some({*self._user_ids}, snapshot, store)

    def _decide_some(
        self, user_ids: Collection[Any], snapshot: Snapshot, store: Store
    ) -> Decision[list[Result]]:
        for earlier in self._rulings:
            earlier.leave(user_ids)
        # A retry is a replay however late it comes: only what is new can be too old.
        oldest = EPOCH if self._historical else self._now - conf.MAX_BACKDATE
        ruling = Ruling(snapshot, store, celebrate=self._celebrate, now=self._now)
        ruling.sort(self._records_of(user_ids), oldest)
        if self._strict:
            ruling.raise_first()
        changesets = decide_once(ruling.decide_all, snapshot, store)
        if self._strict:
            ruling.raise_first()
        self._rulings.append(ruling)
        announce = _announce if self._is_announced else None
        return Decision(changesets, self._results, announce)

    def _records_of(self, user_ids: Collection[Any]) -> Iterator[tuple[int, Record]]:
        for index, record in self._records.items():
            if record.user_id in user_ids:
                yield index, record

    def _results(self, written: Written) -> list[Result]:
        results: dict[int, Result] = dict(self._refused)
        for ruling in self._rulings:
            results |= ruling.results(written if self._is_numbered else None)
        return [result for _, result in sorted(results.items())]


def _announce(results: Sequence[Result]) -> None:
    announce_records(result for result in results if isinstance(result, Outcome))
