from __future__ import annotations

import pytest
from django.core.management import CommandError

from gamification.management.options import check_batch_size, parse_renames


def test_a_rename_is_an_old_and_a_new_name():
    renames = parse_renames(["commit=kpi_completed", "a=b=merge"])

    assert renames == {"commit": "kpi_completed", "a=b": "merge"}


@pytest.mark.parametrize("pair", ["commit", "=commit", "commit=", ""])
def test_a_rename_needs_both_names(pair):
    with pytest.raises(CommandError) as raised:
        parse_renames([pair])

    assert str(raised.value) == f"{pair!r} is not of the form FROM=TO."


def test_an_activity_has_one_new_name():
    with pytest.raises(CommandError, match=r"^'a' cannot be both 'b' and 'c'\.$"):
        parse_renames(["a=b", "a=b", "a=c"])


def test_a_batch_has_a_size():
    assert check_batch_size(1) == 1


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_without_a_size_is_refused(size):
    with pytest.raises(CommandError) as raised:
        check_batch_size(size)

    assert str(raised.value) == f"The batch size must be at least 1, not {size}."
