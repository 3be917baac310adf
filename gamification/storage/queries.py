"""The queries that stores answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.utils import timezone

from gamification.domain.catalogue import Catalogue
from gamification.domain.conditions import AttributeValue
from gamification.domain.days import Calendar
from gamification.domain.spans import SpanQuery, span_query
from gamification.domain.trees import NOT_ASKED, Asked
from gamification.models.users import in_order

#: Primary keys of users.
UserIds = Sequence[Any]
#: A user id, with an idempotency key or a dedupe key of this user.
UserKey = tuple[Any, str]

#: The most that an instant's local date can differ from its date in UTC.
_MARGIN = timedelta(days=2)


class StateQuery(NamedTuple):
    """A query for the state of some users, on which a decision is based."""

    user_ids: UserIds
    #: The calendar of users who never chose a zone.
    calendar: Calendar
    keys: Sequence[UserKey] = ()
    #: Keys of activities for which to read tallies and usage; None means all.
    activities: Collection[str] | None = ()
    #: The first and the last instant at which the new records occurred.
    earliest: datetime | None = None
    latest: datetime | None = None
    #: The attributes of the only record, of the only activity; None if it is another
    #: request.
    said: Mapping[str, AttributeValue] | None = None
    #: The units of this record.
    units: int = 1

    def slots(self, catalogue: Catalogue) -> frozenset[int] | None:
        """Return where the record may count for conditions; None for everywhere."""
        if self.said is None or not self.activities:
            return None
        [key] = self.activities
        rule = catalogue.activities.get(key)
        about = rule.id if rule else None
        return catalogue.trees.slots.on(about, self.said)

    def groups(self, catalogue: Catalogue) -> list[int]:
        """Return the ids of the groups for whose members there are boosts."""
        boosts = catalogue.boosts
        return boosts.groups(self.earliest, self.latest) if boosts.rules else []

    def only(self, user_ids: Collection[Any]) -> StateQuery:
        """Return the query for only some of its users."""
        keys = [key for key in self.keys if key[0] in user_ids]
        return self._replace(user_ids=in_order(user_ids), keys=keys)


class ActivityIds(NamedTuple):
    """The ids of a query's activities, and the dates that matter for their limits."""

    all: Sequence[int] = ()
    #: Ids of activities with a daily limit, and of activities with a cooldown.
    limited: Sequence[int] = ()
    cooled: Sequence[int] = ()
    #: First and last date of the other records that matter.
    since: date = date.min
    until: date = date.max
    #: The tallies that conditions need, by ids of activities and of filters.
    asked: Asked = NOT_ASKED
    #: The only activity, and the units of it that a user needs before the record for
    #: any filter to matter.
    reach: tuple[int, int] | None = None
    #: Ids of achievements that can be earned again, and what decides about seasons.
    repeated: Sequence[int] = ()
    spans: SpanQuery | None = None

    def asked_of(self, tallies: Mapping[int, int]) -> Asked:
        """Return what was read of a user with these tallies."""
        if self.reach is None or tallies.get(self.reach[0], 0) >= self.reach[1]:
            return self.asked
        return Asked(self.asked.tallies)

    @classmethod
    def of(cls, query: StateQuery, catalogue: Catalogue) -> ActivityIds:
        """Return the ids that ``catalogue`` has for the activities of ``query``."""
        known = catalogue.activities
        wanted = known if query.activities is None else query.activities
        rules = [known[key] for key in wanted if key in known]
        ids, asked, reach = [rule.id for rule in rules], NOT_ASKED, None
        if catalogue.trees.are_used:
            slots = query.slots(catalogue)
            affected = catalogue.trees.affected_by(frozenset(ids), slots)
            ids, asked = [*affected.asked.tallies], affected.asked
            if query.said is not None and affected.units > query.units:
                reach = rules[0].id, affected.units - query.units
        more: dict[str, Any] = {"asked": asked, "reach": reach}
        if catalogue.special or catalogue.repeated:
            now = timezone.now()
            earliest, latest = query.earliest or now, query.latest or now
            spans = span_query(catalogue.special, ids, earliest, latest)
            more |= {"repeated": catalogue.repeated, "spans": spans}
        limited = [rule.id for rule in rules if rule.daily_limit is not None]
        cooled = [rule.id for rule in rules if rule.cooldown is not None]
        if not (limited or cooled) or query.earliest is None or query.latest is None:
            return cls(ids, **more)
        cooldown = max((rule.cooldown or 0 for rule in rules), default=0)
        margin = _MARGIN + timedelta(seconds=cooldown)
        since, until = query.earliest - margin, query.latest + margin
        return cls(ids, limited, cooled, since.date(), until.date(), **more)
