from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from gamification import services, signals
from gamification.conf import NAMES
from gamification.services import (
    record_activity,
)

README = (Path(__file__).parent.parent / "README.md").read_text()
SIGNALS = Path(signals.__file__).read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.django_db
def test_the_first_snippet_says_what_happens(user):
    names = {"user": user, "kpi": SimpleNamespace(pk=1)}

    exec(SNIPPETS[0], names)

    outcome = names["outcome"]
    assert f"outcome.credited  # {outcome.credited}:" in README
    assert f"outcome.unlocks  # {outcome.unlocks}\n" in README
    assert f"outcome.total_xp  # {outcome.total_xp}\n" in README


@pytest.mark.django_db
def test_what_is_completed_and_reopened_can_be_completed_again(user):
    kpi = SimpleNamespace(pk=1, owner=user, completions=0, save=lambda **kwargs: None)
    names = {}
    exec(SNIPPETS[2], names)

    earned = [names["complete"](kpi).credited]
    names["reopen"](kpi)
    earned.append(names["complete"](kpi).credited)

    assert earned == [10, 10]


def test_every_verb_is_in_the_readme():
    verbs = {
        name
        for name in services.__all__
        if name[0].islower() and f"a{name}" in services.__all__
    }

    assert {name for name in verbs if f"`{name}(" not in README} <= {"get_facts"}


def test_every_setting_is_in_the_readme():
    assert {name for name in NAMES if f"| `{name}` |" not in README} == set()


def test_every_signal_is_in_the_readme():
    names = {name for name in vars(signals) if f"{name} = Signal()" in SIGNALS}

    assert {name for name in names if f"| `{name}` |" not in README} == set()


@pytest.mark.django_db
def test_the_seeded_rewards_are_in_the_readme(user):
    assert record_activity(user, "vision_created").credited == 25
    assert "`vision_created` (25 XP) and `kpi_completed` (10 XP)" in README
