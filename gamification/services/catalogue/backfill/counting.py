"""Counts the users who meet achievements already, and do not hold them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from django.db.models import Count, QuerySet, Value
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.models import Achievement, write_alias
from gamification.services import effects
from gamification.services.catalogue.backfill.preview import (
    load_what_decides,
    meeting_of,
    qualifying_users,
)
from gamification.services.catalogue.filters.syncing import is_tree
from gamification.services.players.goals import is_special
from gamification.storage.catalogue import load_catalogue

#: The most counts in one statement.
_AT_ONCE: Final = 100


def count_who_meet(achievements: Sequence[Achievement]) -> dict[int, int]:
    """Return how many users meet each of the active ``achievements``, by its id.

    Where only ledgers tell, it looks at all who may meet one of them, or at some of
    them if there are more than it can look at in a few seconds.
    """
    needs_catalogue = any(map(is_tree, achievements))
    catalogue = load_catalogue(write_alias()) if needs_catalogue else Catalogue()
    counted = [row for row in achievements if _is_counted(row, catalogue)]
    looked_at = [row for row in achievements if row not in counted]
    counts = dict(_counts(counted, catalogue))
    return {**counts, **dict(_look(looked_at, catalogue))}


def _is_counted(achievement: Achievement, catalogue: Catalogue) -> bool:
    """Say whether a query finds just those who meet it."""
    if is_special(achievement):
        return False
    return not is_tree(achievement) or meeting_of(achievement, catalogue).is_exact


def _counts(
    achievements: Sequence[Achievement], catalogue: Catalogue
) -> Iterator[tuple[int, int]]:
    """Yield the id of an achievement, with the number of users, if there are any."""
    queries = [_count(row, catalogue) for row in achievements]
    for first in range(0, len(queries), _AT_ONCE):
        one, *more = queries[first : first + _AT_ONCE]
        yield from one.union(*more, all=True).order_by()


def _count(achievement: Achievement, catalogue: Catalogue) -> QuerySet[Any, Any]:
    users = qualifying_users(achievement, catalogue)
    users = users.annotate(item=Value(achievement.pk))
    counts = users.order_by().values("item").annotate(users=Count("pk"))
    return counts.values_list("item", "users")


def _look(
    achievements: Sequence[Achievement], catalogue: Catalogue
) -> Iterator[tuple[int, int]]:
    """Yield the id of an achievement, with the number of users in all.

    The users of all achievements are looked at together, so that no ledger is read
    twice, and those of each achievement come in random order.
    """
    began, users, numbers = time.monotonic(), dict[int, Any](), dict[int, int]()
    some = dict[int, Collection[int]]()
    for row in achievements:
        profiles = qualifying_users(row, catalogue)
        numbers[row.pk] = profiles.count()
        found = effects.choose(profiles, effects.thinning(numbers[row.pk]))
        users, some[row.pk] = users | found, found.keys()
    order = effects.mixed(users, most=len(users))
    waiting = {pk: [key for key in order if key in some[pk]] for pk in some}
    met, turns = dict[int, Collection[int]](), _turns(waiting.values())
    for first in range(0, len(turns), effects.USERS_AT_ONCE):
        if first and time.monotonic() - began > effects.TIME:
            break
        page = turns[first : first + effects.USERS_AT_ONCE]
        met |= _met({key: users[key] for key in page}, some)
    for pk, keys in waiting.items():
        seen = [*takewhile(met.__contains__, keys)]
        share = sum(pk in met[key] for key in seen) / max(1, len(seen))
        yield pk, round(share * numbers[pk])


def _turns(queues: Collection[Sequence[int]]) -> list[int]:
    """Return what waits in ``queues``, by the first place that it has in one of them.

    So all queues become shorter together.
    """
    turns: dict[int, int] = {}
    for queue in queues:
        for place, key in enumerate(queue):
            turns[key] = min(place, turns.get(key, place))
    return sorted(turns, key=turns.__getitem__)


def _met(
    users: Mapping[int, Any], some: Mapping[int, Collection[int]]
) -> dict[int, Collection[int]]:
    """Return the ids of the achievements that each of the users meets.

    ``some`` has those who may meet each achievement, by its id.
    """
    snapshot, now = effects.read_users([*users.values()]), timezone.now()
    catalogue, states = snapshot.catalogue, snapshot.states
    known = [rule for rule in catalogue.achievements.values() if rule.id in some]
    load_what_decides(states.values(), catalogue, known)
    rules, met = conf.rules(catalogue), dict[int, Collection[int]]()
    for key, user_id in users.items():
        wanted = [rule for rule in known if key in some[rule.id] and rule.is_active]
        # Somebody may have deleted the user meanwhile.
        state = states.get(user_id)
        changes = state and UserChangeset(state, rules, now)
        met[key] = [e.id for e in wanted if changes and changes.qualifies(e)]
    return met
