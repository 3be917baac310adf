"""The select of a time zone."""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import groupby
from typing import Any, TypeAlias

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from gamification.staff import time_zones

#: The value of an option and its label; or the label of a group, and its options.
Choice: TypeAlias = tuple[str, str] | tuple[str, tuple[tuple[str, str], ...]]


class ZoneSelect(forms.Select):
    """A select that renders its choices itself, and only once.

    Django would render two templates for each of the 600 zones, which takes longer than
    all else on the page.
    """

    def render(
        self, name: str, value: Any, attrs: Any = None, renderer: Any = None
    ) -> SafeString:
        attributes = flatatt({"name": name, **self.build_attrs(self.attrs, attrs)})
        options = _options(tuple(map(_choice, self.choices)))
        for chosen in self.format_value(value):
            option = format_html('<option value="{}"', chosen)
            options = options.replace(f"{option}>", f"{option} selected>", 1)
        # Safe: each value and label was escaped when the options were made.
        rows = mark_safe(options)  # noqa: S308
        return format_html("<select{}>\n{}\n</select>", attributes, rows)


def zone_choices(current: str) -> list[Choice]:
    """Return UTC, and each region with its IANA zones; also the ``current`` zone."""
    known = current == "UTC" or ("/" in current and current in time_zones())
    return [*([] if known else [(current, current)]), *_regions()]


@cache
def _regions() -> list[Choice]:
    names = sorted(name for name in time_zones() if "/" in name)
    regions = groupby(names, lambda name: name.partition("/")[0])
    grouped = ((region, tuple(map(_city, zones))) for region, zones in regions)
    return [("UTC", "UTC"), *grouped]


def _city(zone: str) -> tuple[str, str]:
    return zone, zone.partition("/")[2].replace("_", " ")


def _choice(choice: tuple[Any, Any]) -> Choice:
    value, label = choice
    if isinstance(label, list | tuple):
        return str(value), tuple((str(one), str(text)) for one, text in label)
    return str(value), str(label)


@lru_cache(maxsize=16)
def _options(choices: tuple[Choice, ...]) -> str:
    return "\n".join(
        format_html('<option value="{}">{}</option>', value, label)
        if isinstance(label, str)
        else format_html(
            '<optgroup label="{}">\n{}\n</optgroup>',
            value,
            format_html_join("\n", '<option value="{}">{}</option>', label),
        )
        for value, label in choices
    )
