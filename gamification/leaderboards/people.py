"""Makes users from the columns that were read together with their places.

That works if one table holds all columns of users. Otherwise, or if the default manager
of the site's users selects some of them, Django has to read the users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import Field, QuerySet
from django.db.models.manager import BaseManager

from gamification.models import write_alias


def user_columns() -> tuple[str, ...]:
    """Return the columns of the table ``u`` of users; none if Django has to read it."""
    manager: Any = get_user_model()._default_manager
    is_usual = type(manager).get_queryset is BaseManager.get_queryset
    if is_usual and type(manager.get_queryset()) is QuerySet:
        return _columns_of(get_user_model(), write_alias())
    return ()


@cache
def _columns_of(model: Any, alias: str) -> tuple[str, ...]:
    """Return the columns of a model; none unless each field is just a column."""
    fields: Sequence[Any] = model._meta.concrete_fields
    is_own = fields == model._meta.local_concrete_fields
    if is_own and all(type(f).select_format is Field.select_format for f in fields):
        quote = connections[alias].ops.quote_name
        return tuple(f"u.{quote(field.column)}" for field in fields)
    return ()


def make_users(rows: Mapping[Any, Sequence[Any]]) -> dict[Any, Any]:
    """Return users made from these values of their columns, by the same keys."""
    model, alias = get_user_model(), write_alias()
    fields: Sequence[Any] = model._meta.concrete_fields
    compiler = QuerySet(model).query.get_compiler(alias)
    converters = compiler.get_converters([field.cached_col for field in fields])
    values: Any = rows.values()
    if converters:
        values = compiler.apply_converters(values, converters)
    names = [field.attname for field in fields]
    users = [model.from_db(alias, names, row) for row in values]
    return dict(zip(rows, users, strict=True))
