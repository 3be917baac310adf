"""Tells leaderboards about changes of users that are not in the ledger."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.db import Error, models
from django.db.models.signals import post_save

from gamification.conf import conf
from gamification.exceptions import StorageSetupError
from gamification.models import PendingScore, write_alias
from gamification.models.progress import counted_marks
from gamification.models.users import key_of
from gamification.services.database_errors import storage_error


def follow_users(apps: Apps) -> None:
    """Notice users who are saved, even as instances of a subclass."""
    for model in apps.get_models():
        if issubclass(model, get_user_model()):
            post_save.connect(notice_saved_user, sender=model)


def notice_saved_user(
    instance: models.Model,
    created: bool,
    raw: bool,
    using: str,
    update_fields: Collection[str] | None = None,
    **_: Any,
) -> None:
    """Count a user again if the save may have changed who is staff or active."""
    is_concerned = update_fields is None or {*update_fields} & counted_marks().keys()
    is_ours = using == write_alias()
    if is_concerned and is_ours and not created and not raw:
        try:
            count_again(key_of(instance), using)
        except Error as error:
            # The error of the site's own save says how to repair the app's tables.
            if isinstance(fault := storage_error(error), StorageSetupError):
                error.add_note(str(fault))
            raise


def count_again(user_id: Any, alias: str, *, due_at: datetime | None = None) -> None:
    """Let the upkeep of leaderboards count the user on all boards again.

    ``due_at`` is when; None means as soon as possible.
    """
    if conf.KEEP_LEADERBOARDS:
        PendingScore.objects.using(alias).create(user_id=user_id, due_at=due_at)
