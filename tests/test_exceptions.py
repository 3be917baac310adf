from __future__ import annotations

import pytest

from gamification import exceptions
from gamification.exceptions import GamificationError, InsufficientXPError, TooOldError

TREE = [
    error
    for error in vars(exceptions).values()
    if isinstance(error, type) and issubclass(error, GamificationError)
]


@pytest.mark.parametrize("error", TREE)
def test_the_docstring_is_the_message(error):
    assert str(error()) == error.__doc__
    assert error.__doc__.endswith(".")


def test_every_error_has_a_code_of_its_own():
    codes = [error.code for error in TREE]

    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("error", TREE)
def test_a_name_says_that_it_is_an_error(error):
    assert error.__name__.endswith("Error")


def test_a_message_may_name_what_was_wrong():
    error = InsufficientXPError("Only 5 XP are left.", balance=5)

    assert (str(error), error.context) == ("Only 5 XP are left.", {"balance": 5})


def test_an_error_without_facts_has_no_context():
    assert TooOldError().context == {}


def test_codes_are_a_contract():
    assert {error.code for error in TREE} == {
        "achievement_not_active",
        "achievement_not_held",
        "boost_used",
        "celebration_claimed",
        "celebration_over",
        "error",
        "idempotency_conflict",
        "in_future",
        "inactive_activity",
        "insufficient_xp",
        "invalid",
        "invalid_act",
        "invalid_amount",
        "invalid_attribute",
        "invalid_cursor",
        "invalid_definition",
        "invalid_definitions",
        "invalid_instant",
        "invalid_key",
        "invalid_pause",
        "invalid_period",
        "invalid_quantity",
        "invalid_span",
        "invalid_text",
        "invalid_time_zone",
        "job_state",
        "key_required",
        "keys_differ",
        "levels_pinned",
        "not_repairable",
        "not_reversible",
        "out_of_range",
        "self_award",
        "stale_edit",
        "storage_error",
        "storage_setup",
        "too_old",
        "unknown_achievement",
        "unknown_activity",
        "unknown_attribute",
        "unknown_celebration",
        "unknown_boost",
        "unknown_entry",
        "unknown_job",
        "unknown_scope",
        "unknown_streak",
        "unknown_user",
        "user_excluded",
    }
