from __future__ import annotations

from types import SimpleNamespace as Value

import pytest
from rest_framework import serializers

from gamification.api.serializers import ResponseSerializer


class OwnerSerializer(ResponseSerializer):
    """An owner."""

    name = serializers.CharField()


class HouseSerializer(ResponseSerializer):
    """A house."""

    rooms = serializers.IntegerField()
    street = serializers.CharField(source="address.street")
    owner = OwnerSerializer()
    former = OwnerSerializer(many=True)
    itself = OwnerSerializer(source="*")


class TowerSerializer(HouseSerializer):
    """A house that is high."""

    floors = serializers.IntegerField()


HOUSE = Value(
    name="Elm",
    rooms=4,
    address=Value(street="Elm Street"),
    owner=Value(name="Ann"),
    former=[Value(name="Bob"), Value(name="Cy")],
)


HOUSE_WITH_FLOORS = Value(**vars(HOUSE), floors=20)


def test_fields_come_in_the_order_of_the_serializer():
    assert list(HouseSerializer.serialize(HOUSE).items()) == [
        ("rooms", 4),
        ("street", "Elm Street"),
        ("owner", {"name": "Ann"}),
        ("former", [{"name": "Bob"}, {"name": "Cy"}]),
        ("itself", {"name": "Elm"}),
    ]


def test_a_missing_value_is_null():
    empty = Value(name="", rooms=0, address=None, owner=None, former=[])

    assert HouseSerializer.serialize(empty) == {
        "rooms": 0,
        "street": None,
        "owner": None,
        "former": [],
        "itself": {"name": ""},
    }


def test_a_missing_list_is_null():
    house = Value(**vars(HOUSE) | {"former": None})

    assert HouseSerializer.serialize(house)["former"] is None


def test_a_value_without_an_attribute_of_the_serializer_is_a_bug():
    with pytest.raises(AttributeError, match="name"):
        OwnerSerializer.serialize(Value(rooms=1))


def test_a_serializer_has_the_fields_of_its_base_and_its_own():
    HouseSerializer.serialize(HOUSE)

    tower = TowerSerializer.serialize(HOUSE_WITH_FLOORS)

    assert tower == {**HouseSerializer.serialize(HOUSE), "floors": 20}


class ShoutField(serializers.CharField):
    def to_representation(self, value):
        return value.upper()


@pytest.mark.parametrize(
    "field",
    [
        ShoutField(),
        ShoutField(source="name"),
        serializers.SerializerMethodField(),
        serializers.ReadOnlyField(),
        serializers.HiddenField(default=1),
        serializers.CharField(default="none"),
        serializers.CharField(write_only=True),
        serializers.DateTimeField(format="%Y"),
        serializers.DecimalField(3, 1),
        serializers.ListField(child=ShoutField()),
        serializers.DictField(child=ShoutField()),
        serializers.ListField(child=OwnerSerializer()),
        serializers.Serializer(),
        serializers.Serializer(many=True),
        OwnerSerializer(many=True, default=[]),
        OwnerSerializer(write_only=True),
    ],
    ids=repr,
)
def test_a_field_that_would_not_be_honoured_is_refused(field):
    with pytest.raises(TypeError, match=r"^HutSerializer\.name: \w+ or one of its"):
        type("HutSerializer", (ResponseSerializer,), {"name": field})


@pytest.mark.parametrize(
    "field",
    [
        serializers.ListField(),
        serializers.DictField(),
        serializers.ListField(child=serializers.CharField()),
        serializers.DictField(child=serializers.ListField()),
        OwnerSerializer(required=False, allow_null=True),
        OwnerSerializer(many=True, source="former"),
    ],
    ids=repr,
)
def test_plain_and_nested_fields_are_taken(field):
    made = type("HutSerializer", (ResponseSerializer,), {"name": field})

    assert made().fields.keys() == {"name"}


@pytest.mark.parametrize("method", ["to_representation", "get_fields"])
def test_a_method_that_would_not_be_called_is_refused(method):
    with pytest.raises(TypeError, match=rf"^HutSerializer overrides {method}\(\)\.$"):
        type("HutSerializer", (OwnerSerializer,), {method: lambda self, *_: {}})


def test_fields_show_what_the_framework_would_show():
    assert TowerSerializer.serialize(HOUSE_WITH_FLOORS) == (
        TowerSerializer(HOUSE_WITH_FLOORS).data
    )
