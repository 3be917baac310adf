"""Makes records of rows: finds their users, activities and keys."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from django.core.exceptions import ValidationError

from gamification.exceptions import GamificationError
from gamification.management.importing.attributes import AttributeTypes
from gamification.management.importing.counter import DiskCounter
from gamification.management.importing.errors import BadRowError, quoted
from gamification.management.importing.readers import ImportRow, NumberedRow
from gamification.management.importing.users import UserLookup
from gamification.models import Activity
from gamification.services import ActivityRecord

#: XP per unit of an activity that an import creates.
XP_REWARD: Final = 10

#: The number of a line with its record, or with the error that it has.
NumberedRecord = tuple[int, ActivityRecord | GamificationError]


@dataclass(frozen=True, slots=True)
class RecordBuilder:
    """Makes a record of each row."""

    users: UserLookup
    #: How often each row without a key has come.
    repeats: DiskCounter
    #: None if missing activities are not created.
    activities: ActivityCreator | None = None
    #: Keys under which activities of the file are recorded.
    renamed: Mapping[str, str] = field(default_factory=dict)
    types: AttributeTypes = field(default_factory=AttributeTypes)

    def build(self, rows: Sequence[NumberedRow]) -> Iterator[NumberedRecord]:
        """Yield the record of each row, in order, or its error."""
        good = [row for _line, row in rows if isinstance(row, ImportRow)]
        user_ids = self.users.find({row.user for row in good})
        if self.activities:
            self.activities.create_missing({self._activity(row) for row in good})
        self.types.load({self._activity(row) for row in good if row.cells})
        for line, row in rows:
            if isinstance(row, ImportRow):
                yield line, self._record(row, user_ids[row.user])
            else:
                yield line, row

    def _activity(self, row: ImportRow) -> str:
        return self.renamed.get(row.activity, row.activity)

    def _record(
        self, row: ImportRow, user_id: Any
    ) -> ActivityRecord | GamificationError:
        if isinstance(user_id, GamificationError):
            return user_id
        activity = self._activity(row)
        if self.activities and not is_valid_key(activity):
            rule = "Letters, digits, hyphens and underscores are allowed."
            return BadRowError(
                f"No activity can have the key {quoted(activity)}. {rule}"
            )
        attributes = self.types.attributes_of(activity, row.attributes, row.cells)
        key = row.key
        if key is None:
            key = self._content_key(user_id, activity, row, attributes)
        return ActivityRecord(
            user_id,
            activity,
            row.occurred_at,
            row.quantity,
            key,
            row.source,
            attributes,
        )

    def _content_key(
        self,
        user_id: Any,
        activity: str,
        row: ImportRow,
        attributes: Mapping[str, Any] | None,
    ) -> str:
        """Return a key that is the same whenever the same file is imported.

        Each of several equal rows counts: the second has a key of its own, and so on.
        """
        instant = row.occurred_at.isoformat()
        content = [str(user_id), activity, instant, row.quantity, row.source]
        if attributes:
            content.append(json.dumps(attributes, sort_keys=True))
        digest = blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
        number = self.repeats.add(digest)
        return f"import:{digest}" if number == 1 else f"import:{digest}:{number}"


class ActivityCreator:
    """Creates the activities that the catalogue lacks."""

    def __init__(self) -> None:
        self.created = 0

    def create_missing(self, keys: Collection[str]) -> None:
        """Create the activities that are missing and that can have their key."""
        valid = {key for key in keys if is_valid_key(key)}
        activities = Activity.objects.all()
        known = activities.filter(key__in=valid).values_list("key", flat=True)
        for key in sorted(valid - set(known)):
            values = {"name": _name_for(key), "xp_reward": XP_REWARD}
            _, is_new = activities.get_or_create(key=key, defaults=values)
            self.created += is_new


def is_valid_key(key: str) -> bool:
    """Say whether an activity can have the key."""
    try:
        Activity._meta.get_field("key").clean(key, None)
    except ValidationError:
        return False
    return True


def _name_for(key: str) -> str:
    return key.replace("_", " ").replace("-", " ").strip().capitalize() or key
