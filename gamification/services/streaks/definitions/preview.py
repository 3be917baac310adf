"""The effect of other rules of a streak on users, before they are saved."""

from __future__ import annotations

import time
from collections.abc import Hashable
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from gamification.domain.estimates import Estimate, Sample
from gamification.domain.state import UserState
from gamification.domain.streak_book import StreakBook, dates_of
from gamification.domain.streak_rules import StreakRule, read_version
from gamification.domain.streak_status import find_status
from gamification.models import (
    Activity,
    StreakDefinition,
    UserGamification,
    write_alias,
)
from gamification.services.catalogue.lookup import UNSAVED_KEY
from gamification.services.effects import choose, mixed, play, thinning
from gamification.services.streaks.definitions.editing import (
    change_streak,
    stored_rules,
)
from gamification.services.streaks.lookup import find_streak
from gamification.services.unit_of_work import naming_errors
from gamification.storage import store_for
from gamification.storage.streaks import load_books


@dataclass(frozen=True, slots=True)
class StreakPreview:
    """How users would stand if other rules had always held."""

    #: The date from which they will hold.
    since: date | None
    #: Users who were compared, and the number of users that they stand for.
    played: int
    population: int
    #: Users whose present streak would be longer, or shorter, and those among the
    #: latter whose streak would be broken.
    longer: Estimate
    shorter: Estimate
    broken: Estimate

    @property
    def is_exact(self) -> bool:
        """Whether all users were compared."""
        return self.played >= self.population


@naming_errors
def preview_streak(key: str | None = None, /, **changes: Any) -> StreakPreview:
    """Return how many users' streaks differ under changed rules; save nothing.

    ``key`` names the streak to change; None stands for a new one, which is compared
    with the daily one. The new rules will hold from a later period on; the comparison
    is with how users would stand today if they had always held.

    Raises ``UnknownStreakError``, ``InvalidDefinitionError``.
    """
    item = find_streak(key) if key else StreakDefinition(key=UNSAVED_KEY)
    changed = copy(item)
    change_streak(changed, changes)
    alias, began = write_alias(), time.monotonic()
    ids = dict(Activity.objects.values_list("key", "id"))
    version = read_version(stored_rules(changed), ids)
    supposed = StreakRule(item.pk or 0, item.key, versions=(version,))
    profiles = UserGamification.objects.exclude(last_occurred_at=None)
    count = profiles.count()
    sample = Sample(count)
    store, now = store_for(alias), timezone.now()
    for snapshot in play(mixed(choose(profiles, thinning(count))), sample, began):
        states = [*snapshot.states.values()]
        days = store.days([state.user_id for state in states])
        load_books(states, snapshot.catalogue, alias, version.activities)
        present = snapshot.catalogue.streaks.get(item.key, snapshot.catalogue.daily)
        for state in states:
            state.days = days[state.user_id]
            sample.add(_difference(state, present, supposed, now))
    return StreakPreview(
        changed.since,
        sample.size,
        sample.population,
        sample.estimate("longer"),
        sample.estimate("shorter"),
        sample.estimate("broken"),
    )


def _difference(
    state: UserState, present: StreakRule, supposed: StreakRule, now: datetime
) -> dict[Hashable, int]:
    """Return by what name the user's streak counts as different."""
    book = state.book or StreakBook()
    before, after = (
        find_status(
            rule,
            dates_of(rule, state.days or {}, book.chosen, state.calendar),
            state.calendar,
            now,
            book.exceptions_of(present),
        ).current
        for rule in (present, supposed)
    )
    return {
        "longer": int(after > before),
        "shorter": int(after < before),
        "broken": int(before > 0 and not after),
    }
