"""Tells leaderboards about changes of users that are not in the ledger."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models

from gamification.conf import conf
from gamification.models import PendingScore
from gamification.models.progress import counted_marks


def count_again(user_id: Any, alias: str) -> None:
    """Let the next upkeep of leaderboards count the user on all boards again."""
    if conf.KEEP_LEADERBOARDS:
        PendingScore.objects.using(alias).create(user_id=user_id)


def notice_saved_user(
    instance: models.Model,
    created: bool,
    using: str,
    update_fields: Collection[str] | None = None,
    **_: Any,
) -> None:
    """Count a user again who may have become staff, or inactive, or the contrary."""
    is_concerned = update_fields is None or {*update_fields} & counted_marks().keys()
    if is_concerned and not created:
        count_again(instance.pk, using)
