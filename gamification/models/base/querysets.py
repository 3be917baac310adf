"""Query sets and keys that read from the database that the app writes to.

Where routers send reads to a replica, Django's own would read from that. A replica lags
behind, so that what it says must not decide what is written.
"""

from __future__ import annotations

from typing import Any, Self, TypeVar

from django.core.exceptions import ValidationError
from django.db import connections, models, router
from django.db.models.fields.related_descriptors import (
    ForwardManyToOneDescriptor,
    ForwardOneToOneDescriptor,
    ReverseOneToOneDescriptor,
)

Row = TypeVar("Row", bound=models.Model)
Set = TypeVar("Set")
Get = TypeVar("Get")


class AppQuerySet(models.QuerySet[Row]):
    """Rows of the app."""

    @property
    def db(self) -> str:
        return self._db or router.db_for_write(self.model)  # type: ignore[attr-defined]

    def locked_against_editors(self) -> Self:
        """Lock the rows until the transaction ends; recording is not blocked."""
        no_key = connections[self.db].features.has_select_for_no_key_update
        return self.select_for_update(no_key=no_key)


class _Accessor(ForwardManyToOneDescriptor):  # type: ignore[type-arg]
    """Reads the row that a key names, such as the user of an entry."""

    def get_queryset(self, **hints: Any) -> models.QuerySet[Any]:
        alias = router.db_for_write(self.field.model)
        return super().get_queryset(**hints).using(alias)


class _OneToOneAccessor(_Accessor, ForwardOneToOneDescriptor):  # type: ignore[type-arg]
    """The same for a row that no other row may name."""


class _ReverseAccessor(ReverseOneToOneDescriptor):  # type: ignore[type-arg]
    """Reads the row that names this one, such as the totals of a user."""

    def get_queryset(self, **hints: Any) -> models.QuerySet[Any]:
        alias = router.db_for_write(self.related.related_model)
        return super().get_queryset(**hints).using(alias)


class AppForeignKey(models.ForeignKey[Set, Get]):
    """A foreign key of the app; for migrations, it is one of Django's own."""

    forward_related_accessor_class = _Accessor

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """Raise ``ValidationError`` unless the row exists, as Django does."""
        models.Field.validate(self, value, model_instance)
        target, name = self.remote_field.model, self.target_field.name
        rows = target._base_manager.using(router.db_for_write(self.model))
        if value is not None and not rows.filter(**{name: value}).exists():
            named = {"model": target._meta.verbose_name, "field": name}
            params = {**named, "pk": value, "value": value}
            raise ValidationError(self.error_messages["invalid"], "invalid", params)

    def deconstruct(self) -> Any:
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, options


class AppOneToOneField(models.OneToOneField[Set, Get]):
    """The same for a row that no other row may name."""

    forward_related_accessor_class = _OneToOneAccessor
    related_accessor_class = _ReverseAccessor

    def deconstruct(self) -> Any:
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.OneToOneField", args, options
