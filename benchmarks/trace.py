"""Shows how far one record travels through the files of the package.

    python benchmarks/trace.py

It follows every call within ``gamification`` of a warm ``record_activity`` that unlocks
one achievement, and prints each file with the number of times it is entered.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("TEST_DATABASE", "postgresql")


class Trail:
    """The package's files that calls enter, in order, without immediate repetitions."""

    def __init__(self) -> None:
        self.files: list[str] = []

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        path = frame.f_code.co_filename
        if event != "call" or f"{os.sep}gamification{os.sep}" not in path:
            return
        name = path.rpartition(f"{os.sep}gamification{os.sep}")[2]
        if not self.files or self.files[-1] != name:
            self.files.append(name)


def main() -> None:
    import django
    from django.test.utils import setup_databases, teardown_databases

    django.setup()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        _trace()
    finally:
        teardown_databases(databases, verbosity=0)


def _trace() -> None:
    from django.contrib.auth import get_user_model

    from gamification.services import record_activity

    # The first user's tenth record prepares the SQL that the second one's needs.
    for name in ("pioneer", "walker"):
        user = get_user_model().objects.create_user(name)
        for _ in range(9):
            record_activity(user, "kpi_completed")
        if name == "pioneer":
            record_activity(user, "kpi_completed")
    trail = Trail()
    sys.setprofile(trail)
    outcome = record_activity(user, "kpi_completed")
    sys.setprofile(None)
    assert [unlock.achievement for unlock in outcome.unlocks] == ["kpi_10"]
    entered = Counter(trail.files)
    for name, times in entered.most_common():
        print(f"{times:4}  {name}")
    again = len(trail.files) - len(entered)
    print(f"{len(entered)} files, {len(trail.files) - 1} moves, {again} of them back")


if __name__ == "__main__":
    main()
