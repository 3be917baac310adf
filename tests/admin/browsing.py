"""Tells what browsers send from a form, and what a strict policy keeps from running."""

from __future__ import annotations

import re
from html.parser import HTMLParser

#: Browsers send only the button that was pressed.
BUTTONS = {"submit", "button", "image", "reset", "file"}


class _Fields(HTMLParser):
    """Collects the values that the form with this id sends if left unchanged."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form
        self._is_inside = False
        self._select = self._text = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "form":
            self._is_inside = values.get("id") == self._form
        elif self._is_inside:
            self._take(tag, values)

    def _take(self, tag, values):
        name = values.get("name") or ""
        kind = values.get("type") or "text"
        if tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in values or not self._has_choice()):
            self.fields[self._select] = values.get("value") or ""
        elif tag == "textarea":
            self._text, self.fields[name] = name, ""
        elif tag == "input" and name and _is_sent(kind, values):
            self.fields[name] = values.get("value") or "on" * (kind == "checkbox")

    def _has_choice(self):
        return self._select in self.fields

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._text = ""
        if tag == "form":
            self._is_inside = False

    def handle_data(self, data):
        if self._text:
            self.fields[self._text] += data.removeprefix("\n")


def _is_sent(kind, values):
    is_choice = kind in {"checkbox", "radio"}
    return kind not in BUTTONS and (not is_choice or "checked" in values)


def filled_in(response, form: str) -> dict[str, str]:
    """Return the values that the form sends if left unchanged."""
    parser = _Fields(form)
    parser.feed(response.content.decode())
    assert parser.fields, f"There is no form {form!r}."
    return parser.fields


def refused_inline(response) -> list[str]:
    """Return what the policy ``default-src 'self'`` would refuse to run."""
    html = response.content.decode()
    scripts = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", html)
    styles = re.findall(r"<style[^>]*>|<[^>]+\sstyle=[^>]*>", html)
    handlers = re.findall(r"<[^>]+\son[a-z]+=[^>]*>", html)
    return [*scripts, *styles, *handlers]
