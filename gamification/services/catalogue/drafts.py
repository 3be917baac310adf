"""Achievements as they would be saved, to preview them."""

from __future__ import annotations

from typing import Any

from gamification.models import Achievement
from gamification.services.catalogue.fields.editable import (
    EDITABLE,
    check_field_names,
    set_fields,
)
from gamification.services.catalogue.lookup import UNSAVED_KEY, get_definition
from gamification.services.unit_of_work import naming_errors


@naming_errors
def draft_achievement(key: str | None, **fields: Any) -> Achievement:
    """Return an achievement as it would be with other fields; save nothing.

    ``key`` names the stored one, None stands for a new one. Raises
    ``UnknownAchievementError``, and the errors of ``edit_achievement``.
    """
    check_field_names(Achievement, fields, EDITABLE)
    item = Achievement(key=UNSAVED_KEY)
    if key is not None:
        item = get_definition(Achievement, key)
    set_fields(item, fields)
    return item
