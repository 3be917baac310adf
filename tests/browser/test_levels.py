from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from playwright.sync_api import expect

from gamification.domain.levels import LEVEL_THRESHOLDS
from gamification.models import Celebration, LedgerEntry, Level, UserGamification
from gamification.services import adjust_xp
from gamification.staff import get_levels, make_table, save_levels
from tests.browser.conftest import address, look
from tests.factories import AchievementFactory
from tests.inspection import COMMITTED

pytestmark = [COMMITTED, pytest.mark.usefixtures("no_achievements")]

USERS = 2_000


@pytest.fixture
def crowd():
    """Users with 0 to 1,999 XP, more than a step of a job takes."""
    users = get_user_model()
    users.objects.bulk_create(users(username=f"u{number}") for number in range(USERS))
    first = users.objects.get(username="u0")
    adjust_xp(first, amount=2_000, note="Welcome.")
    xp = "mod(CAST(substr(u.username, 2) AS integer), 2000)"
    begins = ", ".join(f"({number})" for number in LEVEL_THRESHOLDS[1:])
    level = f"(WITH t(xp) AS (VALUES {begins}) SELECT count(*) FROM t WHERE xp <= {xp})"
    columns = {"level": f"1 + {level}", "highest_level": f"1 + {level}", "total_xp": xp}
    copy(UserGamification, first, columns)
    copy(LedgerEntry, first, {"amount": xp})
    Celebration.objects.all().delete()


def copy(model, user, changed):
    """Give all users the row of ``user``, but with other values in some columns."""
    names = [f.column for f in model._meta.concrete_fields if not f.primary_key]
    values = {name: f"r.{name}" for name in names} | {"user_id": "u.id"} | changed
    users = user._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) "
            f"SELECT {', '.join(values[name] for name in names)} "
            f"FROM {model._meta.db_table} r JOIN {users} u ON u.id <> r.user_id "
            f"WHERE u.username LIKE 'u%%' AND r.user_id = %s",
            [user.pk],
        )


def table(page):
    return page.get_by_label("Table of levels")


def test_levels_are_generated_for_many_users(crowd, page):
    AchievementFactory(key="tenth", name="Tenth", criterion="level", threshold=10)
    page.goto(address(Level, "changelist"))
    expect(page.get_by_role("row", name="1 0 50 49")).to_be_visible()
    look(page, "levels")
    page.get_by_label("Number of levels").fill("20")
    page.get_by_label("XP from level 1 to level 2").fill("220")
    page.get_by_label("Then").select_option("linear")
    page.get_by_role("button", name="Generate").click()
    expect(table(page)).to_have_value("\n".join(str(220 * n) for n in range(20)))

    lines = table(page).input_value().splitlines()
    lines[1] += " | Explorer | 🧭 | de: Entdecker"
    table(page).fill("\n".join(lines))
    page.get_by_role("button", name="Preview").click()
    result = page.get_by_role("region", name="Effect of these levels")
    expect(result).to_be_focused()
    # Who has 1,760 to 1,799 XP was on level 8, and from 1,980 XP on, on level 9.
    expect(result.locator("dd").nth(0)).to_have_text("61")
    expect(result).to_contain_text("Tenth × 21")
    look(page, "levels-preview")
    page.get_by_role("button", name="Save these levels").click()

    expect(page.locator("#gam-job-state")).to_have_text("finished")
    rows = UserGamification.objects.values_list("level", "total_xp")
    assert {level for level, xp in rows if level != xp // 220 + 1} == set()
    assert rows.count() == USERS
    assert not Celebration.objects.exists()
    page.goto(address(Level, "changelist"))
    expect(page.get_by_text("Explorer").first).to_be_visible()
    expect(page.get_by_role("region", name="Latest changes")).to_contain_text(
        "begins at 50 XP → 220 XP"
    )


def test_somebody_elses_table_is_reported(page, staff):
    page.goto(address(Level, "changelist"))
    table(page).fill("0\n70")
    page.get_by_role("button", name="Preview").click()
    save_levels(make_table([0, 60], ()), actor=staff, expected=None)
    page.get_by_role("button", name="Save these levels").click()

    errors = page.locator(".errorlist").first
    expect(errors).to_contain_text("Somebody else changed the levels")
    expect(errors).to_contain_text("Level 2: begins at 50 XP → 60 XP")
    look(page, "levels-conflict")
    page.get_by_role("button", name="Save these levels").click()

    expect(page.locator(".messagelist")).to_contain_text("1 level was changed.")
    assert [level.threshold for level in get_levels()] == [0, 70]
