"""Names of time zones: which exist, which are outdated, and their present names.

They come from the ``tzdata`` package, because systems know different ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


def is_time_zone(name: object) -> bool:
    """Say whether ``name`` is the name of an IANA time zone."""
    return isinstance(name, str) and name in time_zones()


@lru_cache(maxsize=1_024)
def is_readable(name: str) -> bool:
    """Say whether this system can read the rules of the zone called ``name``."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def present_name(name: str) -> str:
    """Return the present name of the zone called ``name``.

    A zone of a country keeps its name, and so does an alias of a zone in ``Etc``.
    """
    if name in _zones_of_countries():
        return name
    present = _links().get(name, name)
    return name if present.startswith("Etc/") else present


@cache
def time_zones() -> set[str]:
    """Return the names of all IANA time zones that this system knows."""
    # They come from files, which do not change while the process runs. Some systems
    # also list "localtime", which means a different zone on each of them.
    return available_timezones() - {"localtime"}


@cache
def _links() -> Mapping[str, str]:
    """Return the present name of each name that is a link to another zone."""
    lines = (line.split() for line in _data("tzdata.zi"))
    return {line[2]: line[1] for line in lines if line[:1] == ["L"]}


@cache
def _zones_of_countries() -> frozenset[str]:
    rows = (line.split("\t") for line in _data("zone.tab"))
    return frozenset(row[2] for row in rows if len(row) > 2)


def _data(name: str) -> list[str]:
    file = resources.files("tzdata") / "zoneinfo" / name
    return file.read_text(encoding="utf-8").splitlines()
