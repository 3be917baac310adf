"""What staff change of the catalogue: achievements, made and edited by key."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from gamification.exceptions import (
    InvalidDefinitionError,
    StaleEditError,
    UnknownAchievementError,
)
from gamification.models import Achievement, Activity
from gamification.services.requests import (
    UserRef,
    actor_id_of,
    fingerprint,
    is_storable,
    write_alias,
)
from gamification.services.transactions import in_transaction
from gamification.storage import Store

logger = logging.getLogger(__name__)

#: What staff may edit of an achievement, with the type that a value must have.
EDITABLE: Final[Mapping[str, type]] = {
    "name": str,
    "description": str,
    "category": str,
    "icon": str,
    "xp_reward": int,
    "criterion": str,
    "activity": str,
    "threshold": int,
    "is_secret": bool,
    "status": str,
    "position": int,
}

_FIELDS = {field.name: field for field in Achievement._meta.concrete_fields}
_COLUMNS = [_FIELDS[name].attname for name in EDITABLE]
_definition = attrgetter(*_COLUMNS)


def create_achievement(*, actor: UserRef | None, **fields: Any) -> Achievement:
    """Add an achievement with a ``key`` and any of the ``EDITABLE`` fields; return it.

    ``activity`` is the key of one, or None; ``actor`` is who of the staff does it.

    Raises ``InvalidDefinitionError``, also for a key that is taken,
    ``UnknownUserError``, ``StorageError``, and ``TypeError`` for an unknown field.
    """
    _check_names(fields, {"key", *EDITABLE})
    actor_id, alias = actor_id_of(actor), write_alias()

    def create(store: Store) -> Achievement:
        achievement = Achievement()
        _define(achievement, fields)
        try:
            with transaction.atomic(using=alias):
                achievement.save(using=alias, force_insert=True)
        except IntegrityError:
            # Somebody else may have taken the key since it was looked for.
            _validate(achievement, {})
            raise
        _log(achievement, actor_id, "created")
        return achievement

    return in_transaction(alias, [], create)


def edit_achievement(
    key: str, *, actor: UserRef | None, expected: str | None, **changes: Any
) -> Achievement:
    """Change some of the ``EDITABLE`` fields of an achievement; return it.

    ``expected`` is the ``definition_tag`` of what the editor was shown, so that an
    edit that somebody else made meanwhile is not lost; None edits whatever is there.
    Other fields stay as they are, and so does what was awarded before.

    Raises ``UnknownAchievementError``, ``StaleEditError``, and what
    ``create_achievement`` raises.
    """
    _check_names(changes, EDITABLE)
    actor_id, alias = actor_id_of(actor), write_alias()

    def edit(store: Store) -> Achievement:
        achievement = _locked(key, alias)
        if expected is not None and expected != definition_tag(achievement):
            raise StaleEditError
        before = _definition(achievement)
        _define(achievement, changes)
        pairs = zip(_COLUMNS, before, _definition(achievement), strict=True)
        changed = [column for column, old, new in pairs if old != new]
        if changed:
            achievement.save(using=alias, update_fields=[*changed, "updated_at"])
            _log(achievement, actor_id, f"{', '.join(changed)} changed")
        return achievement

    return in_transaction(alias, [], edit)


def definition_tag(achievement: Achievement) -> str:
    """Return a digest of what staff may edit of ``achievement``, the same anywhere."""
    return fingerprint(*_definition(achievement))


def _check_names(fields: Iterable[str], known: Iterable[str]) -> None:
    if unknown := {*fields} - {*known}:
        msg = f"An achievement has no field {min(unknown)!r} that can be set."
        raise TypeError(msg)


def _locked(key: str, alias: str) -> Achievement:
    rows = Achievement.objects.using(alias).select_for_update()
    is_key = isinstance(key, str) and is_storable(key)
    achievement = rows.filter(key=key).first() if is_key else None
    if achievement is None:
        raise UnknownAchievementError(achievement=key)
    return achievement


def _define(achievement: Achievement, fields: Mapping[str, Any]) -> None:
    """Set ``fields``, or raise ``InvalidDefinitionError`` with all that is wrong."""
    errors: dict[str, list[ValidationError]] = {}
    for name, value in fields.items():
        try:
            setattr(achievement, name, _clean(name, value))
        except ValidationError as error:
            errors[name] = [error]
    _validate(achievement, errors)


def _validate(
    achievement: Achievement, errors: dict[str, list[ValidationError]]
) -> None:
    try:
        achievement.full_clean(exclude=errors)
    except ValidationError as error:
        errors |= error.error_dict
    if errors:
        raise InvalidDefinitionError(
            errors={
                name: [(each.code or "invalid", each.messages[0]) for each in problems]
                for name, problems in errors.items()
            }
        )


def _clean(name: str, value: object) -> object:
    """Return ``value`` as the model has it; raise ``ValidationError``."""
    if name == "activity" and value is None:
        return None
    kind = EDITABLE.get(name, str)
    # A truth value counts as a number, but not here.
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        message = _("The value is not of the right type.")
        raise ValidationError(message, code="invalid")
    if isinstance(value, str):
        _check_text(name, value)
    return _activity(value) if name == "activity" else value


def _check_text(name: str, value: str) -> None:
    if not is_storable(value):
        message = _("The value holds characters that cannot be stored.")
        raise ValidationError(message, code="not_storable")
    field = _FIELDS[name]
    # Models leave it to forms to measure long texts.
    if field.max_length and len(value) > field.max_length:
        message = _("The value is longer than %(limit)s characters.")
        limit = {"limit": field.max_length}
        raise ValidationError(message, code="max_length", params=limit)
    if not field.blank and not value.strip():
        raise ValidationError(field.error_messages["blank"], code="blank")


def _activity(key: object) -> Activity:
    activity = Activity.objects.using(write_alias()).filter(key=key).first()
    if activity is None:
        message = _("No activity has the key “%(key)s”.")
        raise ValidationError(message, code="unknown_activity", params={"key": key})
    return activity


def _log(achievement: Achievement, actor_id: object, what: str) -> None:
    message = "Achievement %s: %s by user %s."
    log = partial(logger.info, message, achievement.key, what, actor_id)
    transaction.on_commit(log, using=write_alias())
