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


def test_a_value_is_read_in_the_order_of_the_shape():
    assert list(HouseSerializer.of(HOUSE).items()) == [
        ("rooms", 4),
        ("street", "Elm Street"),
        ("owner", {"name": "Ann"}),
        ("former", [{"name": "Bob"}, {"name": "Cy"}]),
        ("itself", {"name": "Elm"}),
    ]


def test_what_is_missing_is_null():
    empty = Value(name="", rooms=0, address=None, owner=None, former=[])

    assert HouseSerializer.of(empty) == {
        "rooms": 0,
        "street": None,
        "owner": None,
        "former": [],
        "itself": {"name": ""},
    }


def test_a_value_that_lacks_what_the_shape_names_is_a_bug():
    with pytest.raises(AttributeError, match="name"):
        OwnerSerializer.of(Value(rooms=1))


def test_a_shape_has_the_fields_of_its_base_and_its_own():
    HouseSerializer.of(HOUSE)

    tower = TowerSerializer.of(Value(**vars(HOUSE), floors=20))

    assert tower == {**HouseSerializer.of(HOUSE), "floors": 20}
