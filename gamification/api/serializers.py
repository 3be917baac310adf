"""Responses: their fields, declared once for the schema and for the code."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeAlias

from rest_framework import serializers
from rest_framework.fields import empty

from gamification.api.rule_fields import (
    ConditionField,
    ConditionProgressField,
    RuleField,
)

AnyField: TypeAlias = serializers.Field[Any, Any, Any, Any]

#: Fields that show an attribute as it is; the renderer writes it as JSON.
PLAIN_FIELDS: Final[frozenset[type]] = frozenset(
    {
        serializers.BooleanField,
        serializers.CharField,
        serializers.ChoiceField,
        serializers.DateField,
        serializers.DateTimeField,
        serializers.DictField,
        serializers.FloatField,
        serializers.IntegerField,
        serializers.ListField,
        serializers.URLField,
        RuleField,
        ConditionField,
        ConditionProgressField,
        # The items of a list or dictionary without a child of its own.
        type(serializers.ListField.child),
    }
)
#: Methods that ``serialize`` does not call.
UNSUPPORTED_METHODS: Final = ("get_fields", "to_representation")


class ResponseSerializer(serializers.Serializer[Any]):
    """A response, read from the attributes of a value.

    ``serialize`` reads the declared fields without an instance of the serializer,
    because creating one takes most of the time of a small request. It therefore
    supports nested response serializers and plain fields only. Declaring anything else
    raises ``TypeError``.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for method in UNSUPPORTED_METHODS:
            if getattr(cls, method) is not getattr(serializers.Serializer, method):
                raise TypeError(f"{cls.__name__} overrides {method}().")
        for name, field in cls._declared_fields.items():
            if not _is_supported(field):
                raise TypeError(
                    f"{cls.__name__}.{name}: {type(field).__name__} or one of its "
                    "options is not supported in responses."
                )

    @classmethod
    def serialize(cls, value: Any) -> dict[str, Any]:
        """Return the fields of the response for ``value``."""
        return {name: read(value) for name, read in cls._readers()}

    @classmethod
    @cache
    def _readers(cls) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
        fields: dict[str, AnyField] = cls._declared_fields
        return tuple(
            (name, _field_reader(name, field)) for name, field in fields.items()
        )


def _is_supported(field: AnyField) -> bool:
    if type(field) is serializers.ListSerializer:
        return isinstance(field.child, ResponseSerializer) and _has_plain_options(field)
    if isinstance(field, ResponseSerializer):
        return _has_plain_options(field)
    return _is_plain(field)


def _is_plain(field: AnyField) -> bool:
    child = getattr(field, "child", None)
    return (
        type(field) in PLAIN_FIELDS
        and _has_plain_options(field)
        and (child is None or _is_plain(child))
    )


def _has_plain_options(field: AnyField) -> bool:
    has_format = getattr(field, "format", None) is not None
    return field.default is empty and not field.write_only and not has_format


def _field_reader(name: str, field: AnyField) -> Callable[[Any], Any]:
    """Return a function that reads the field from the value of a response."""
    source = field.source or name
    get = _itself if source == "*" else _path_reader(source)
    if isinstance(field, serializers.ListSerializer):
        serialize = type(field.child).serialize  # type: ignore[union-attr]
        return _unless_none(get, lambda items: [serialize(item) for item in items])
    if isinstance(field, ResponseSerializer):
        return _unless_none(get, type(field).serialize)
    if isinstance(field, RuleField):
        return _unless_none(get, field.shown)
    return get


def _itself(value: Any) -> Any:
    return value


def _path_reader(source: str) -> Callable[[Any], Any]:
    """Return a function that follows a dotted path and stops at None."""
    if "." not in source:
        return attrgetter(source)
    first, rest = source.split(".", 1)
    return _unless_none(attrgetter(first), _path_reader(rest))


def _unless_none(
    get: Callable[[Any], Any], convert: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        inner = get(value)
        return None if inner is None else convert(inner)

    return read
