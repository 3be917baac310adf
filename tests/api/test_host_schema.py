"""The schema of a site that includes the API beside its own."""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import SPECTACULAR_DEFAULTS, patched_settings
from drf_spectacular.validation import validate_schema

from tests.api import host_site

#: The defaults of drf-spectacular, for everything that the example project sets.
DEFAULTS = {
    name: SPECTACULAR_DEFAULTS[name]
    for name in settings.SPECTACULAR_SETTINGS
    if "SERVE" not in name
}


class Schemas(NamedTuple):
    """The schema of a site without and with our API."""

    alone: dict[str, Any]
    both: dict[str, Any]

    @property
    def our_components(self) -> set[str]:
        return components(self.both).keys() - components(self.alone).keys()


def describe(patterns: list[Any]) -> dict[str, Any]:
    GENERATOR_STATS.reset()
    schema = SchemaGenerator(patterns=patterns).get_schema(public=True)
    assert not GENERATOR_STATS, "The schema comes with warnings."
    return schema


def components(schema: dict[str, Any]) -> dict[str, Any]:
    return schema["components"]["schemas"]


def is_within(part: dict[str, Any], whole: dict[str, Any]) -> bool:
    return part == {name: value for name, value in whole.items() if name in part}


@pytest.fixture(
    scope="module", params=product(["3.0.3", "3.1.1"], [False, True]), ids=str
)
def schemas(request):
    version, is_split = request.param
    tried = {
        "OAS_VERSION": version,
        "COMPONENT_SPLIT_REQUEST": is_split,
        # Without it, the site's tags depend on what all addresses begin with.
        "SCHEMA_PATH_PREFIX": "/",
    }
    # Settings that are patched within patched ones would stay so for good.
    with patched_settings(DEFAULTS | tried):
        both = describe(host_site.urlpatterns)
        # That of the example project is valid, too, and like this one.
        if (version, is_split) != ("3.1.1", True):
            validate_schema(both)
        return Schemas(describe(host_site.own_patterns), both)


def test_the_site_s_own_part_stays_as_it_is(schemas):
    assert is_within(schemas.alone["paths"], schemas.both["paths"])
    assert is_within(components(schemas.alone), components(schemas.both))


def test_all_our_components_have_a_prefix(schemas):
    names = schemas.our_components

    assert len(names) > 40
    assert {name for name in names if not name.startswith("Gamification")} == set()


def test_all_our_operations_and_tags_have_a_prefix(schemas):
    addresses = schemas.both["paths"].keys() - schemas.alone["paths"].keys()
    operations = [
        operation
        for address in addresses
        for operation in schemas.both["paths"][address].values()
    ]

    assert all(each["operationId"].startswith("gamification_") for each in operations)
    assert {tag.split()[0] for each in operations for tag in each["tags"]} == {
        "gamification"
    }


def test_our_names_are_the_same_under_all_settings(schemas):
    assert {name for name in schemas.our_components if "Record" in name} == {
        "GamificationRecordRequest",
        "GamificationRecordResult",
        "GamificationRecordResults",
    }


def test_older_versions_have_their_own_word_for_null():
    with patched_settings(DEFAULTS | {"OAS_VERSION": "3.0.3"}):
        schema = describe(host_site.urlpatterns)

    progress = components(schema)["GamificationAchievementProgress"]
    conditions = progress["properties"]["conditions"]
    assert conditions["nullable"] is True
    assert "oneOf" not in conditions
    attribute = components(schema)["GamificationCounting"]["properties"]["sum"]
    assert (attribute["type"], attribute["nullable"]) == ("string", True)
