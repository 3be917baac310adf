"""Writes the lists of tests that are not measured; ``make measured`` runs it.

Each list belongs to a run, whose coverage was kept by test, and whose output has the
durations. A test is listed if others reach all that it reaches. Files with random
examples are not relied on. The longest tests are tried first, and short ones are not
listed: they would save little.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

#: Seconds from which on a test is worth a line.
LONG = 0.2
HEADER = """\
# Tests of which no line depends alone, and that take long where they are measured; see
# “Tests” in CONTRIBUTING.md. `make measured` writes this list anew.
"""
ARCS = """
    SELECT DISTINCT context, path, fromno, tono
    FROM arc JOIN context ON context_id = context.id JOIN file ON file_id = file.id
    WHERE context <> ''
"""

#: The name of a run, and that of a test function.
Test = tuple[str, str]
#: A file, and the lines from and to which a test went.
Arc = tuple[str, int, int]


def read_arcs(run: str) -> dict[Test, set[Arc]]:
    """Return what each test function reached, without random examples."""
    arcs = defaultdict(set)
    for context, *arc in sqlite3.connect(f".measured.{run}").execute(ARCS):
        name = re.split(r"[\[|]", context)[0]
        arcs[run, name].add((*arc,))
    files = {name.partition("::")[0] for _, name in arcs}
    random = {file for file in files if "@given" in Path(file).read_text()}
    return {t: arcs[t] for t in arcs if t[1].partition("::")[0] not in random}


def read_durations(run: str) -> Counter[Test]:
    """Return how long each test function took, with all of its parameters."""
    durations, text = Counter[Test](), Path(f".measured.{run}.log").read_text()
    for seconds, name in re.findall(r"(?m)^([\d.]+)s call +([^\[\s]+)", text):
        durations[run, name] += float(seconds)
    return durations


def choose(
    arcs: Mapping[Test, set[Arc]], durations: Mapping[Test, float]
) -> Iterator[Test]:
    """Yield the tests without which all is reached."""
    counts = Counter(chain.from_iterable(arcs.values()))
    names = {name for _, name in arcs}
    for test in sorted(arcs, key=lambda test: -durations[test]):
        # What begins with the same name would be left out, too.
        is_alone = sum(name.startswith(test[1]) for name in names) == 1
        is_reached = min(counts[arc] for arc in arcs[test]) > 1
        if durations[test] >= LONG and is_alone and is_reached:
            counts.subtract(arcs[test])
            yield test


def main(*runs: str) -> None:
    arcs, durations = {}, Counter[Test]()
    for run in runs:
        arcs |= read_arcs(run)
        durations += read_durations(run)
    chosen = {*choose(arcs, durations)}
    for run in runs:
        names = sorted(name for each, name in chosen if each == run)
        lines = "".join(f"{name}\n" for name in names)
        Path(f"tests/{run}.txt").write_text(HEADER + lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
