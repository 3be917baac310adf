from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import gamification
from gamification import leaderboards, maintenance, services, signals, staff
from gamification.conf import NAMES
from gamification.exceptions import GamificationError
from gamification.services import record_activity

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
REFERENCE = ROOT / "docs" / "reference"
SIGNALS = Path(signals.__file__).read_text()
PACKAGE = Path(gamification.__file__).parent
MAP = (ROOT / "docs" / "architecture.md").read_text()


def snippets(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)


README_SNIPPETS = snippets(ROOT / "README.md")


def links(page: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    return [link for link in found if "://" not in link]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def subclasses(error: type[GamificationError]) -> list[type[GamificationError]]:
    direct = error.__subclasses__()
    return [*direct, *(below for each in direct for below in subclasses(each))]


def test_the_page_about_the_api_has_every_address():
    page = (ROOT / "docs" / "howto" / "api.md").read_text()
    schema = (ROOT / "docs" / "openapi.yaml").read_text()
    addresses = re.findall(r"^  /api/\S*/v1/(\S+):$", schema, flags=re.MULTILINE)
    taken = {f"`v1/{address.partition('/')[0]}/`" for address in addresses}

    assert [each for each in [*addresses, *sorted(taken)] if each not in page] == []
    assert len(addresses) > 50


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 180


@pytest.mark.django_db
def test_the_first_snippet_says_what_happens(user):
    names = {"user": user, "kpi": SimpleNamespace(pk=1)}

    exec(README_SNIPPETS[0], names)

    outcome = names["outcome"]
    assert f"outcome.credited  # {outcome.credited}:" in README
    assert f"outcome.unlocks  # {outcome.unlocks}\n" in README
    assert f"outcome.total_xp  # {outcome.total_xp}\n" in README


@pytest.mark.django_db
def test_what_is_completed_and_reopened_can_be_completed_again(user):
    kpi = SimpleNamespace(pk=1, owner=user, completions=0, save=lambda **kwargs: None)
    names = {}
    exec(README_SNIPPETS[2], names)

    earned = [names["complete"](kpi).credited]
    names["reopen"](kpi)
    earned.append(names["complete"](kpi).credited)

    assert earned == [10, 10]


@pytest.mark.django_db
def test_the_snippet_that_reads_says_what_it_reads(user, capsys):
    record_activity(user, "kpi_completed")
    names = {"user": user}

    exec(README_SNIPPETS[3], names)

    level = names["progress"].level
    assert f"progress.level.level  # {level.level}\n" in README
    assert f"progress.level.next_threshold  # {level.next_threshold}:" in README
    assert f"progress.streak.current  # {names['progress'].streak.current}\n" in README
    assert "First KPI unlocked\nTen done 1 of 10" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_are_python(page):
    for snippet in snippets(page):
        lines = [line.removeprefix("   ") for line in snippet.splitlines()]
        compile("\n".join(lines), str(page), "exec")


@pytest.mark.django_db
def test_the_snippets_about_tests_pass(user):
    first, second, third, _ = snippets(ROOT / "docs" / "howto" / "testing.md")
    names = {}
    exec(first + second + third, names)

    names["test_a_finished_lesson_earns_xp"](user)
    names["test_a_week_of_lessons_is_a_streak_of_seven"](user)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    broken = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_every_verb_is_in_the_reference():
    text = (REFERENCE / "verbs.md").read_text()
    sites = {name for name in services.__all__ if f"a{name}" in services.__all__}
    facades = staff, maintenance, leaderboards
    tools = {
        name
        for facade in facades
        for name in facade.__all__
        if inspect.isfunction(getattr(facade, name))
    }

    assert {name for name in sites if f"`{name}(" not in text} == set()
    assert {name for name in tools if not re.search(rf"\b{name}\b", text)} == set()
    assert len(tools) > 100


def test_every_setting_is_in_the_reference():
    text = (REFERENCE / "settings.md").read_text()

    assert {name for name in NAMES if f"| `{name}` |" not in text} == set()


def test_every_warning_is_in_the_reference():
    text = (REFERENCE / "settings.md").read_text()
    modules = [PACKAGE / "checks.py", PACKAGE / "database_checks.py"]
    code = "".join(module.read_text() for module in modules)

    warnings = {*re.findall(r"gamification\.(W\d{3})", code)}

    assert len(warnings) == 5
    assert {each for each in warnings if f"`{each}`" not in text} == set()


def test_every_signal_is_in_the_reference():
    text = (REFERENCE / "signals.md").read_text()
    names = {name for name in vars(signals) if f"{name} = Signal()" in SIGNALS}

    assert {name for name in names if f"| `{name}` |" not in text} == set()


def test_every_error_is_in_the_reference():
    text = (REFERENCE / "errors.md").read_text()
    ours = [
        error
        for error in subclasses(GamificationError)
        if error.__module__ == "gamification.exceptions"
    ]

    missing = [
        error.__name__
        for error in ours
        if f"| `{error.code}` | `{error.__name__}` |" not in text
    ]

    assert missing == []


@pytest.mark.django_db
def test_the_seeded_rewards_are_in_the_reference(user):
    text = (REFERENCE / "settings.md").read_text()

    assert record_activity(user, "vision_created").credited == 25
    assert "`vision_created` (25 XP) and `kpi_completed` (10 XP)" in text


CATALOGUE_FILE = (REFERENCE / "catalogue-file.md").read_text()


@pytest.mark.parametrize("kind", staff.DEFINITION_FIELDS)
def test_every_field_of_a_file_is_documented(kind):
    title = {
        "activity": "Activities",
        "streak": "Streaks",
        "achievement": "Achievements",
        "level": "Levels",
    }[kind]
    section = CATALOGUE_FILE.partition(f"## {title}\n")[2].partition("\n## ")[0]

    documented = re.findall(r"^\| `(\w+)`", section, flags=re.MULTILINE)

    # The place of a level is its number.
    keys = [] if kind == "level" else ["key"]
    assert sorted(documented) == sorted([*keys, *staff.DEFINITION_FIELDS[kind]])


def test_every_allowed_value_of_a_file_is_documented():
    fields = staff.DEFINITION_FIELDS["achievement"]
    values = [v for name in fields for v, _ in fields[name].flatchoices or ()]

    assert len(values) == 17
    assert [value for value in values if f"`{value}`" not in CATALOGUE_FILE] == []


@pytest.mark.django_db
def test_the_documented_file_can_be_applied():
    [text] = re.findall(r"```json\n(.*?)```", CATALOGUE_FILE, flags=re.DOTALL)

    edits = staff.apply_definitions(text).edits

    keys = ["lesson_finished", "weekly_lessons", "lessons_10", "1", "2"]
    assert [item.key for item in edits] == keys


def test_the_map_leads_to_files_that_exist():
    table = MAP.partition("| what | where |")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w./]+\.(?:py|js|css|html)|[\w/]+/)`", table)
    files = [f"/{path.relative_to(ROOT)}/" for path in PACKAGE.rglob("*")]
    files += [f"/{path.relative_to(ROOT)}/" for path in ROOT.glob("docs/**/*")]

    wrong = [
        each for each in named if not any(f"/{each.strip('/')}/" in f for f in files)
    ]

    assert len(named) > 80
    assert wrong == []


def test_the_map_names_what_its_modules_have():
    table = MAP.partition("## Where do I change")[2].partition("\n## ")[0]
    rows = re.findall(r"`([\w/]+\.py)`:? \(?((?:`[\w.]+`(?:, )?)+)", table)

    wrong = [
        (module, name)
        for module, names in rows
        for name in re.findall(r"(\w+)`", names)
        if not re.search(rf"\b{name}\b", (PACKAGE / module).read_text())
    ]

    assert len(rows) > 70
    assert wrong == []


@pytest.mark.parametrize("folder", ["", "services", "leaderboards"])
def test_the_layout_names_every_module(folder):
    layout = MAP.partition("## Layout")[2].partition("###")[0]
    names = {
        path.stem
        for path in (PACKAGE / folder).iterdir()
        if not path.name.startswith(("_", "py.typed"))
    }

    assert {name for name in names if not re.search(rf"\b{name}\b", layout)} == set()
