"""Natural keys, with which ``dumpdata`` and ``loaddata`` name rows instead of ids."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from django.db import transaction

from gamification.models.base.querysets import AppQuerySet, Row
from gamification.models.rules.references import check_unnamed


class KeyedQuerySet(AppQuerySet[Row]):
    """Rows of the catalogue, which have a key."""

    def get_by_natural_key(self, key: str) -> Row:
        """Return the row with this key."""
        return self.get(key=key)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the rows, unless other items name one of them."""
        self._for_write = True
        with transaction.atomic(using=self.db):
            check_unnamed([*self])
            return super().delete()

    # As Django marks its own: managers do not offer it, and templates do not call it.
    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class NumberedQuerySet(AppQuerySet[Row]):
    """Rows of the catalogue, which have a number."""

    def get_by_natural_key(self, number: int) -> Row:
        """Return the row with this number."""
        return self.get(number=number)


class PerUserQuerySet(AppQuerySet[Row]):
    """Rows of users: one for each user, or for each user and some other value."""

    #: The lookups of the other values.
    natural_lookups: ClassVar[tuple[str, ...]] = ()

    def get_by_natural_key(self, *key: Any) -> Row:
        """Return the row of a user: the other values come before the user's key."""
        split = len(self.natural_lookups)
        values = dict(zip(self.natural_lookups, key, strict=False))
        users: Any = get_user_model()._default_manager.db_manager(self.db)
        return self.get(user=users.get_by_natural_key(*key[split:]), **values)
