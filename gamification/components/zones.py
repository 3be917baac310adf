"""The select of a time zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


class ZoneSelect(forms.Select):
    """A select that renders its choices itself.

    Django would render two templates for each of the 600 zones, which takes longer than
    all else on the page.
    """

    def render(
        self, name: str, value: Any, attrs: Any = None, renderer: Any = None
    ) -> SafeString:
        widget = self.get_context(name, value, attrs)["widget"]
        groups = ((_group(*each[:2]),) for each in widget["optgroups"])
        attributes = flatatt({"name": name, **widget["attrs"]})
        options = format_html_join("\n", "{}", groups)
        return format_html("<select{}>\n{}\n</select>", attributes, options)


def _group(label: str | None, options: Sequence[Mapping[str, Any]]) -> SafeString:
    rows = format_html_join(
        "\n",
        '<option value="{}"{}>{}</option>',
        ((each["value"], flatatt(each["attrs"]), each["label"]) for each in options),
    )
    if not label:
        return rows
    return format_html('<optgroup label="{}">\n{}\n</optgroup>', label, rows)
