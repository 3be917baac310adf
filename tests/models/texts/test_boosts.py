from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.utils.translation import override

from gamification.models import Boost
from gamification.models.texts.boosts import boost_sentence, boosted_text, factor_text
from gamification.values import AppliedBoost, Boosted

DOUBLE = AppliedBoost("launch", "Launch weekend", Decimal("2.00"))


@pytest.mark.parametrize(
    ("factor", "text"),
    [("2.00", "2"), ("1.50", "1.5"), ("10.00", "10"), ("2.4025", "2.4025")],
)
def test_a_factor_has_no_needless_zeros(factor, text):
    assert factor_text(Decimal(factor)) == text


def test_readers_see_factors_in_their_own_form():
    with override("de"):
        assert factor_text(Decimal("1.50")) == "1,5"


def test_boosted_xp_says_where_it_comes_from():
    boosted = Boosted(1_200, Decimal("2.00"), (DOUBLE,))

    assert boosted_text(boosted) == "1,200 × 2, Launch weekend"
    assert boosted_text(Boosted(10)) == ""


def test_a_boost_is_described_in_a_sentence():
    boost = Boost(
        factor=Decimal("1.5"),
        starts_at=datetime(2026, 3, 7, tzinfo=UTC),
        ends_at=datetime(2026, 3, 9, tzinfo=UTC),
        group=Group(name="Club"),
        where=[["pages", "at_least", 100]],
    )

    assert boost_sentence(boost, ["Reading"]) == (
        "Multiplies by 1.5 the XP of “Reading” where pages is at least 100 for members "
        "of “Club”, from 03/07/2026 midnight to 03/09/2026 midnight on each user’s own "
        "clock."
    )
