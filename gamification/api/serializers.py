"""Answers: what they hold, said once for clients and for the code that makes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any

from rest_framework import serializers


class ResponseSerializer(serializers.Serializer[Any]):
    """An answer, read from the attributes of a value.

    The fields describe it. They are read all at once, because a serializer that is
    made anew for each answer takes most of a small request's time.
    """

    @classmethod
    def of(cls, value: Any) -> dict[str, Any]:
        """Return ``value`` in this shape."""
        return {name: read(value) for name, read in cls._readers()}

    @classmethod
    @cache
    def _readers(cls) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
        fields: dict[str, serializers.Field[Any, Any, Any, Any]]
        fields = cls._declared_fields
        return tuple((name, _reader(name, field)) for name, field in fields.items())


def _reader(
    name: str, field: serializers.Field[Any, Any, Any, Any]
) -> Callable[[Any], Any]:
    source = field.source or name
    get = _self if source == "*" else _walker(source)
    if isinstance(field, serializers.ListSerializer):
        shape: Any = type(field.child)
        return lambda value: [shape.of(item) for item in get(value)]
    if isinstance(field, ResponseSerializer):
        return _optional(get, type(field).of)
    return get


def _self(value: Any) -> Any:
    return value


def _walker(source: str) -> Callable[[Any], Any]:
    """Return what follows a dotted path, as far as there is something."""
    if "." not in source:
        return attrgetter(source)
    first, rest = source.split(".", 1)
    return _optional(attrgetter(first), _walker(rest))


def _optional(
    get: Callable[[Any], Any], further: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        inner = get(value)
        return None if inner is None else further(inner)

    return read
