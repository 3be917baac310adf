"""Random achievements with conditions, and random histories, for properties."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

GENRES = ["fantasy", "horror", "poetry"]

comparisons = st.one_of(
    st.sampled_from(GENRES).map(lambda value: ["genre", "is", value]),
    st.lists(st.sampled_from(GENRES), min_size=1, max_size=2, unique=True).map(
        lambda values: ["genre", "in", values]
    ),
    st.sampled_from([50, 150, 250]).map(lambda value: ["pages", "at_least", value]),
    st.sampled_from([50, 150, 250]).map(lambda value: ["pages", "at_most", value]),
    st.booleans().map(lambda value: ["fresh", "is", value]),
)

ends = st.lists(st.integers(1, 15), min_size=2, max_size=2, unique=True).map(sorted)
dated = st.one_of(
    ends.map(lambda e: {"since": f"2026-06-{e[0]:02}", "until": f"2026-06-{e[1]:02}"}),
    st.integers(2, 10).map(lambda day: {"since": f"2026-06-{day:02}"}),
    st.integers(4, 15).map(lambda day: {"until": f"2026-06-{day:02}"}),
)
spans = st.integers(1, 5).map(lambda days: {"days": days})


@st.composite
def leaves(draw: Any) -> dict[str, Any]:
    """Return a criterion, its threshold, and which records count."""
    criterion = draw(
        st.sampled_from(
            ["activity_count"] * 4
            + ["active_days", "longest_streak", "level", "total_xp", "achievements"]
        )
    )
    leaf: dict[str, Any] = {"criterion": criterion}
    small, window = draw(st.integers(1, 3)), None
    leaf["threshold"] = small
    if criterion == "total_xp":
        leaf["threshold"] = draw(st.sampled_from([10, 30, 60, 90]))
    if criterion == "activity_count":
        leaf["activity"] = draw(st.sampled_from(["read", "read", "walk"]))
    if leaf.get("activity") == "read":
        if where := draw(st.lists(comparisons, max_size=2)):
            leaf["where"] = where
        counted = draw(st.sampled_from(["", "", "sum", "distinct"]))
        if counted == "sum":
            leaf |= {"sum": "pages", "threshold": 100 * small}
        elif counted:
            leaf["distinct"] = draw(st.sampled_from(["genre", "pages", "fresh"]))
    if criterion in {"activity_count", "active_days", "total_xp"}:
        window = draw(st.one_of(st.none(), st.none(), dated, spans))
    elif criterion in {"longest_streak", "achievements"}:
        window = draw(st.one_of(st.none(), dated))
    return leaf | ({"window": window} if window else {})


@st.composite
def trees(draw: Any, others: list[str], depth: int = 2) -> dict[str, Any]:
    """Return a tree that may name ``others``."""
    kinds = ["leaf", "leaf", *(["holding"] if others else [])]
    kind = draw(st.sampled_from(kinds + (["group"] * 3 if depth else [])))
    if kind == "leaf":
        return draw(leaves())
    if kind == "holding":
        return {
            draw(st.sampled_from(["holds", "lacks"])): draw(st.sampled_from(others))
        }
    parts = draw(st.lists(trees(others, depth - 1), min_size=1, max_size=3))
    name = draw(st.sampled_from(["all", "any", "at_least"]))
    if name == "at_least":
        return {name: draw(st.integers(1, len(parts))), "of": parts}
    return {name: parts}


@st.composite
def timings(draw: Any, own: dict[str, Any], *, limited: bool = True) -> dict[str, Any]:
    """Return how often, and in which season, an achievement can be earned."""
    timing: dict[str, Any] = {}
    criterion = own["criterion"]
    kinds = ["once", "every"]
    if criterion in {"activity_count", "active_days", "total_xp"}:
        kinds.append("period")
    kind = draw(st.sampled_from(kinds))
    if kind == "every":
        timing["every"] = own["threshold"]
    if kind == "period":
        names = ["week"] if criterion == "active_days" else ["day", "week"]
        timing["period"] = draw(st.sampled_from(names))
    if kind != "once":
        timing["times"] = draw(st.sampled_from([None, 2] if limited else [None]))
    if draw(st.booleans()):
        first, last = draw(ends)
        timing["since"] = datetime(2026, 6, first, 1, tzinfo=UTC)
        timing["until"] = datetime(2026, 6, last, 1, tzinfo=UTC)
    if "every" in timing and criterion in {"total_xp", "level"}:
        timing["xp"] = 0
    return timing


@st.composite
def special_achievements(draw: Any, *, limited: bool = True) -> list[dict[str, Any]]:
    """Return achievements of which some are earned again, or in a season."""
    made = draw(achievements())
    return [
        rule | (draw(timings(rule["own"], limited=limited)) if n % 2 == 0 else {})
        for n, rule in enumerate(made)
    ]


@st.composite
def achievements(draw: Any) -> list[dict[str, Any]]:
    """Return the definitions of achievements, each of which may name earlier ones."""
    made: list[dict[str, Any]] = []
    for number in range(draw(st.integers(2, 5))):
        others = [each["key"] for each in made]
        tree = draw(st.one_of(st.none(), trees(others), trees(others)))
        made.append(
            {
                "key": f"rule_{number}",
                "xp": draw(st.sampled_from([0, 0, 20, 50])),
                "own": draw(leaves()),
                "tree": tree,
            }
        )
    return made


@st.composite
def attributes(draw: Any) -> dict[str, Any]:
    """Return some attributes that a record of “read” can have."""
    said: dict[str, Any] = {
        "genre": draw(st.sampled_from(GENRES)),
        "pages": draw(st.sampled_from([0, 100, 200, 300])),
        "fresh": draw(st.booleans()),
    }
    return {key: said[key] for key in draw(st.sets(st.sampled_from([*said])))}


@st.composite
def records(draw: Any) -> dict[str, Any]:
    """Return a day and hour of June, with what happened then."""
    activity = draw(st.sampled_from(["read", "read", "walk"]))
    return {
        "day": draw(st.integers(1, 12)),
        "hour": draw(st.integers(0, 2)),
        "activity": activity,
        "quantity": draw(st.integers(1, 2)),
        "attributes": draw(attributes()) if activity == "read" else {},
    }


steps = st.one_of(
    records().map(lambda record: ("record", record)),
    records().map(lambda record: ("record", record)),
    records().map(lambda record: ("record", record)),
    st.lists(records(), min_size=2, max_size=4).map(lambda many: ("batch", many)),
    st.integers(0, 9).map(lambda place: ("reverse", place)),
    st.sampled_from([-15, 5, 40]).map(lambda amount: ("adjust", amount)),
    st.integers(0, 3).map(lambda place: ("revoke", place)),
)
histories = st.lists(steps, min_size=3, max_size=12)
