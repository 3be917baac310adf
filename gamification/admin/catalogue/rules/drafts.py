"""Drafts of conditions in a form: texts that somebody may still be typing.

A draft of a group has a ``kind`` and ``parts``; one of any other condition has the
texts of its fields, and its filters as ``where``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

Draft: TypeAlias = dict[str, Any]
Types: TypeAlias = Mapping[str, str]

GROUPS: Final = ("all", "any", "at_least")
HOLDINGS: Final = ("holds", "lacks")
#: The texts of a way of counting.
COUNTED: Final = ("measure", "attribute", "first", "last", "days")
#: The texts of a condition.
TEXTS: Final = ("kind", "activity", "streak", "achievement", "threshold", *COUNTED)
FILTER: Final = ("attribute", "operator", "value")
#: The action that changes the rows of a form; its value names it and a place.
ACTION: Final = "_rule"
_DAY: Final = timedelta(days=1)
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_TRUTHS: Final = {"yes": True, "true": True, "no": False, "false": False}


# --- From what is stored


def draft_of(data: Any) -> Draft:
    """Return the draft of stored conditions: a group, if need be of one condition."""
    if not data:
        return {"kind": "all", "least": "1", "parts": []}
    draft = _part_of(data)
    whole = "parts" in draft
    return draft if whole else {"kind": "all", "least": "1", "parts": [draft]}


def counting_draft(stored: Any) -> Draft:
    """Return the draft of a stored way of counting."""
    data: Mapping[str, Any] = stored or {}
    window = data.get("window") or {}
    last = _moved(window.get("until"), -_DAY)
    measure = next((name for name in ("sum", "distinct") if data.get(name)), "count")
    return {
        "measure": measure,
        "attribute": data.get(measure) or "",
        "first": window.get("since") or "",
        "last": last,
        "days": _text(window.get("days")),
        "where": [
            dict(zip(FILTER, (name, operator, _value_text(value)), strict=True))
            for name, operator, value in data.get("where") or ()
        ],
    }


def _part_of(data: Mapping[str, Any]) -> Draft:
    for name in GROUPS:
        if name in data:
            parts = data["of"] if name == "at_least" else data[name]
            least = _text(data["at_least"]) if name == "at_least" else "1"
            return {"kind": name, "least": least, "parts": [*map(_part_of, parts)]}
    for name in HOLDINGS:
        if name in data:
            return blank(name) | {"achievement": data[name]}
    given = {name: _text(data.get(name)) for name in ("activity", "streak")}
    threshold = {"threshold": _text(data["threshold"])}
    return blank(data["criterion"]) | given | threshold | counting_draft(data)


def blank(kind: str) -> Draft:
    """Return the draft of a new condition."""
    if kind in GROUPS:
        return {"kind": kind, "least": "1", "parts": []}
    texts = dict.fromkeys(TEXTS, "") | {"kind": kind, "measure": "count"}
    return texts | {"threshold": "1", "where": []}


# --- From what a browser sent


def read_group(data: Any, name: str, depth: int = 0) -> Draft:
    """Return the group whose fields begin with ``name``."""
    kind, least = data.get(f"{name}-kind"), data.get(f"{name}-least")
    places = _numbers(data, name, "kind") if depth <= len(GROUPS) else ()
    return {
        "kind": kind if kind in GROUPS else "all",
        "least": least or "1",
        "parts": [_read_part(data, f"{name}-{place}", depth) for place in places],
    }


def read_counting(data: Any, name: str) -> Draft:
    """Return the way of counting whose fields begin with ``name``."""
    texts = {each: _sent(data, f"{name}-{each}") for each in COUNTED}
    return {
        **texts,
        "measure": texts["measure"] or "count",
        "where": [
            {each: _sent(data, f"{name}-where-{place}-{each}") for each in FILTER}
            for place in _numbers(data, f"{name}-where", "attribute")
        ],
    }


def change(draft: Draft, name: str, data: Any) -> Draft:
    """Return the draft as a button of the form changes it, if one was pressed."""
    act, _separator, place = str(data.get(ACTION, "")).partition(":")
    if place == name or place.startswith(f"{name}-"):
        with suppress(KeyError):
            _act(act, draft, place.removeprefix(name).strip("-"), data, place)
    return draft


def _act(act: str, draft: Draft, way: str, data: Any, place: str) -> None:
    """Follow ``way`` to the draft of ``place``, and change it.

    Rows are numbered as they were sent; a page of the server numbers them from 0.
    """
    step, _separator, rest = way.partition("-")
    rows = draft.get("where" if step == "where" else "parts", [])
    if act == "remove" and (step == "where" or not rest):
        _drop(rows, rest or step)
    elif act == "filter" and not way:
        draft["where"].append(dict.fromkeys(FILTER, ""))
    elif act == "add" and not way:
        rows.append(blank(_sent(data, f"{place}-new")))
    else:
        with suppress(IndexError, ValueError):
            _act(act, rows[int(step)], rest, data, place)


def _drop(items: list[Any], number: str) -> None:
    with suppress(IndexError, ValueError):
        del items[int(number)]


def _read_part(data: Any, name: str, depth: int) -> Draft:
    kind = _sent(data, f"{name}-kind")
    if kind in GROUPS:
        return read_group(data, name, depth + 1)
    texts = {each: _sent(data, f"{name}-{each}") for each in TEXTS}
    return texts | read_counting(data, name)


def _numbers(data: Any, name: str, field: str) -> list[int]:
    """Return the numbers of the rows that were sent, in order."""
    known = re.compile(rf"{re.escape(name)}-([0-9]{{1,4}})-{field}")
    found = (known.fullmatch(each) for each in data)
    return sorted(int(match[1]) for match in found if match)


def _sent(data: Any, name: str) -> str:
    return str(data.get(name) or "").strip()


# --- To what is checked and stored


def json_of(draft: Draft, types: Mapping[str, Types]) -> dict[str, Any] | None:
    """Return the JSON of a draft; what is wrong in it is left to be reported.

    ``types`` are those of the attributes, by activity.
    """
    parts = draft["parts"]
    if not parts:
        return None
    if len(parts) == 1 and draft["kind"] == "all" and "parts" not in parts[0]:
        return _leaf_json(parts[0], types)
    return _group_json(draft, types)


def counting_json(draft: Draft, types: Types) -> dict[str, Any]:
    """Return the JSON of a way of counting."""
    where = [
        [each["attribute"], each["operator"] or "is", _typed(each, types)]
        for each in draft["where"]
        if any(each.values())
    ]
    window = {
        "since": draft["first"],
        "until": _moved(draft["last"], _DAY),
        "days": _number(draft["days"]),
    }
    window = {name: value for name, value in window.items() if value != ""}
    measure = draft["measure"]
    return {
        **({"where": where} if where else {}),
        **({measure: draft["attribute"]} if measure != "count" else {}),
        **({"window": window} if window else {}),
    }


def places(draft: Draft) -> Iterator[tuple[Draft, str]]:
    """Yield each draft of a tree with the path of its JSON."""
    parts = draft["parts"]
    if len(parts) == 1 and draft["kind"] == "all" and "parts" not in parts[0]:
        yield parts[0], "conditions"
    else:
        yield from _places(draft, "conditions")


def kept_filters(draft: Draft) -> Iterator[Draft]:
    """Yield the filters of a draft that its JSON has, in order."""
    return (each for each in draft["where"] if any(each.values()))


def _places(draft: Draft, path: str) -> Iterator[tuple[Draft, str]]:
    yield draft, path
    at = "of" if draft["kind"] == "at_least" else draft["kind"]
    for index, part in enumerate(draft.get("parts", ())):
        yield from _places(part, f"{path}.{at}[{index}]")


def _part_json(draft: Draft, types: Mapping[str, Types]) -> dict[str, Any]:
    return (_group_json if "parts" in draft else _leaf_json)(draft, types)


def _group_json(draft: Draft, types: Mapping[str, Types]) -> dict[str, Any]:
    parts = [_part_json(part, types) for part in draft["parts"]]
    if draft["kind"] == "at_least":
        return {"at_least": _number(draft["least"]), "of": parts}
    return {draft["kind"]: parts}


def _leaf_json(draft: Draft, types: Mapping[str, Types]) -> dict[str, Any]:
    kind = draft["kind"]
    if kind in HOLDINGS:
        return {kind: draft["achievement"]}
    named = {
        name: draft[name]
        for name, measured in (
            ("activity", "activity_count"),
            ("streak", "longest_streak"),
        )
        if draft[name] and kind == measured
    }
    counting = counting_json(draft, types.get(draft["activity"], {}))
    return {
        "criterion": kind,
        **named,
        "threshold": _number(draft["threshold"]),
        **counting,
    }


def _typed(given: Mapping[str, str], types: Types) -> Any:
    kind = types.get(given["attribute"], "string")
    if given["operator"] != "in":
        return _as(kind, given["value"])
    values = next(csv.reader([given["value"]], skipinitialspace=True), [])
    return [_as(kind, value.strip()) for value in values if value.strip()]


def _as(kind: str, text: str) -> Any:
    """Return a value of this type, or the text itself if it has no such value."""
    if kind == "boolean":
        return _TRUTHS.get(text.lower(), text)
    return _number(text) if kind == "integer" else text


def _number(text: str) -> Any:
    return int(text) if _WHOLE.fullmatch(text) else text


def _moved(text: str | None, days: timedelta) -> str:
    """Return the date some days later; the text itself if it is no date."""
    with suppress(ValueError, OverflowError):
        return (date.fromisoformat(text or "") + days).isoformat()
    return text or ""


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _value_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, list):
        return str(value)
    texts = [each if isinstance(each, str) else _value_text(each) for each in value]
    return ", ".join(_quoted(each) for each in texts)


def _quoted(text: str) -> str:
    if re.search(r'[",]|^\s|\s$', text):
        return '"' + text.replace('"', '""') + '"'
    return text
