from __future__ import annotations

import pytest

from gamification.admin.levels.table_text import (
    InvalidTableError,
    format_table,
    parse_table,
)
from gamification.staff import LevelRule

LEVELS = (
    LevelRule(1, 0, "Newcomer", "🌱"),
    LevelRule(2, 100, "Explorer", "", {"de": "Entdecker", "pt-br": "Explorador"}),
    LevelRule(3, 250, "", "star"),
    LevelRule(4, 400),
)
TEXT = (
    "0 | Newcomer | 🌱\n"
    "100 | Explorer |  | de: Entdecker | pt-br: Explorador\n"
    "250 |  | star\n"
    "400"
)


def test_a_table_is_a_text_that_is_read_back():
    assert format_table(LEVELS) == TEXT
    assert parse_table(TEXT) == LEVELS


def test_columns_of_a_spreadsheet_are_read():
    levels = parse_table("0\tNewcomer\r\n100\tExplorer\t🧭\tde: Entdecker\t\r\n")

    assert levels == (
        LevelRule(1, 0, "Newcomer"),
        LevelRule(2, 100, "Explorer", "🧭", {"de": "Entdecker"}),
    )


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("0\nx | A", ["Line 2: begin with the XP, a whole number."]),
        ("0\n-5", ["Line 2: begin with the XP, a whole number."]),
        (
            "0 | A | B | Entdecker",
            ["Line 1: write translations as “de: Name”, after the icon."],
        ),
        ("5", ["Line 1: The first level begins at 0 XP."]),
        (
            f"0 | {'n' * 101}",
            ["Line 1: The text is longer than 100 characters."],
        ),
        ("\n".join(map(str, range(501))), ["There are more than 500 levels."]),
    ],
)
def test_mistakes_are_named_by_line(text, messages):
    with pytest.raises(InvalidTableError) as caught:
        parse_table(text)

    assert caught.value.messages == messages
