"""The catalogue that a fresh database gets, for a database that has lost it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from django.db.models import Model
from django.utils.module_loading import import_string

from gamification.conf import conf
from gamification.domain.definitions import FORMAT, SECTIONS
from gamification.domain.streak_rules import DAILY
from gamification.exceptions import InvalidDefinitionsError
from gamification.models import (
    Achievement,
    Activity,
    Level,
    StreakDefinition,
    write_alias,
)
from gamification.services.catalogue.files.parsing import (
    parse_definitions,
    read_definitions,
)
from gamification.services.streaks.definitions.editing import add_streak
from gamification.services.unit_of_work import attempts
from gamification.storage import store_for

#: A fixture of Django, so that ``loaddata`` and test cases can use it as well.
FIXTURE: Final = Path(__file__).parents[2] / "fixtures" / "gamification_catalogue.json"

#: The sections of a catalogue file whose items have keys.
_SECTIONS: Final[Mapping[type[Model], str]] = {
    Activity: "activities",
    StreakDefinition: "streaks",
    Achievement: "achievements",
}
#: Fields that a new row gets by itself.
_TIMES: Final = ("created_at", "updated_at")


def restore_catalogue() -> int:
    """Add the items of a fresh database that are missing; return how many.

    ``SEED_CATALOGUE`` says which these are, as it does when the migrations run. Items
    that exist stay as staff have left them, and so does a table of levels. The
    catalogue is missing after ``flush``, in a ``TransactionTestCase``, and where
    migrations are not run.

    Raises ``InvalidDefinitionsError`` with every error of the site's own catalogue, and
    ``StorageError``.
    """
    rows, store = [*_wanted()], store_for(write_alias())
    for attempt in attempts(store):
        with attempt:
            attempt.lock()
            has_levels = Level.objects.using(store.alias).exists()
            added = sum(
                _add(row["model"], row["fields"])
                for row in rows
                if not (has_levels and row["model"] == Level._meta.label_lower)
            )
    return added


def seed_problems() -> Sequence[tuple[str, str]]:
    """Return the places of the site's own catalogue that are wrong, and why."""
    try:
        _own_catalogue()
    except InvalidDefinitionsError as error:
        return error.errors
    return ()


def _wanted() -> Iterable[dict[str, Any]]:
    """Return the items that the site wants, as rows of a fixture."""
    if conf.SEED_CATALOGUE is True:
        rows: list[dict[str, Any]] = json.loads(FIXTURE.read_text("utf-8"))
        return rows
    return _rows(_own_catalogue())


def _own_catalogue() -> Mapping[str, Any]:
    """Return the catalogue that ``SEED_CATALOGUE`` names; empty if it names none.

    A dictionary may leave out what a catalogue file requires. Raises
    ``InvalidDefinitionsError`` with all that a catalogue file could not have.
    """
    seed = conf.SEED_CATALOGUE
    if isinstance(seed, bool):
        return {}
    document: Any
    if str(seed).endswith(".json"):
        document = parse_definitions(Path(seed).read_bytes())
    else:
        required = {"format": FORMAT, "activities": [], "achievements": []}
        document = required | dict(import_string(str(seed)))
    read_definitions(document, {kind: {} for kind in SECTIONS})
    catalogue: Mapping[str, Any] = document
    return catalogue


def _rows(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the items of a catalogue file as rows of a fixture, without comments."""
    for number, item in enumerate(document.get("levels", ()), start=1):
        fields = {name: item[name] for name in item.keys() - {"comment"}}
        yield {"model": Level._meta.label_lower, "fields": {"number": number, **fields}}
    for model, section in _SECTIONS.items():
        for position, item in enumerate(document.get(section, ())):
            fields = {name: item[name] for name in item.keys() - {"comment"}}
            if model is Achievement:
                counted = fields.get("activity")
                fields["activity"] = [counted] if counted else None
                measured = fields.pop("streak", None)
                # No choice stands for the daily one.
                if measured not in {None, DAILY}:
                    fields["streak"] = [measured]
                fields.setdefault("position", position)
            yield {"model": model._meta.label_lower, "fields": fields}


def _add(model: str, fields: dict[str, Any]) -> bool:
    """Add a row of the fixture unless its key exists; say whether it was added."""
    if model == Level._meta.label_lower:
        return bool(Level.objects.create(**fields))
    values = {name: fields[name] for name in fields.keys() - {"key", *_TIMES}}
    if model == StreakDefinition._meta.label_lower:
        return _add_streak(fields["key"], values)
    if model == Activity._meta.label_lower:
        rows: Any = Activity.objects.all()
    else:
        rows = Achievement.objects.all()
        _set_related(values)
    return bool(rows.get_or_create(key=fields["key"], defaults=values)[1])


def _add_streak(key: str, values: dict[str, Any]) -> bool:
    """Add a streak, whose freezes begin with the next period, unless it exists."""
    if StreakDefinition.objects.filter(key=key).exists():
        return False
    return bool(add_streak({"key": key, **values}, actor_id=None))


def _set_related(values: dict[str, Any]) -> None:
    """Replace the natural keys in ``values`` of an achievement by rows."""
    if counted := values["activity"]:
        values["activity"] = Activity.objects.get_by_natural_key(*counted)
    if measured := values.pop("streak", None):
        values["streak"] = StreakDefinition.objects.get_by_natural_key(*measured)
