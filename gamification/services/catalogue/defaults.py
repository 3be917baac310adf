"""The catalogue that the migrations add, for a database that has lost it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from gamification.models import Achievement, Activity, write_alias
from gamification.services.unit_of_work import attempts
from gamification.storage import store_for

#: A fixture of Django, so that ``loaddata`` and test cases can use it as well.
FIXTURE: Final = Path(__file__).parents[2] / "fixtures" / "gamification_catalogue.json"

#: Fields that a new row gets by itself.
_TIMES: Final = ("created_at", "updated_at")


def restore_catalogue() -> int:
    """Add the items of the migrations that are missing; return how many.

    Items that exist stay as staff have left them. The catalogue is missing after
    ``flush``, in a ``TransactionTestCase``, and where migrations are not run.

    Raises ``StorageError``.
    """
    rows, store = json.loads(FIXTURE.read_text("utf-8")), store_for(write_alias())
    for attempt in attempts(store):
        with attempt:
            attempt.lock()
            added = sum(_add(row["model"], row["fields"]) for row in rows)
    return added


def _add(model: str, fields: dict[str, Any]) -> bool:
    """Add a row of the fixture unless its key exists; say whether it was added."""
    values = {name: fields[name] for name in fields.keys() - {"key", *_TIMES}}
    if model == Activity._meta.label_lower:
        rows: Any = Activity.objects.using(write_alias())
    else:
        rows = Achievement.objects.using(write_alias())
        activities = Activity.objects.using(write_alias())
        if counted := values["activity"]:
            values["activity"] = activities.get_by_natural_key(*counted)
    return bool(rows.get_or_create(key=fields["key"], defaults=values)[1])
