"""What staff may be allowed beyond what Django asks for by itself."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission

pytestmark = pytest.mark.django_db

PERMISSIONS = {
    "adjust_xp": "ledgerentry",
    "award_achievement": "userachievement",
    "grant_freezes": "streakfreeze",
    "pause_streak": "streakfreeze",
    "rebuild_progress": "usergamification",
    "record_activity": "ledgerentry",
    "repair_streak": "streakfreeze",
    "reopen_board": "board",
    "restrict_user": "restriction",
    "reverse_entry": "ledgerentry",
    "revoke_achievement": "userachievement",
    "run_job": "job",
}


def ours():
    return Permission.objects.filter(content_type__app_label="gamification")


def test_each_verb_of_staff_has_a_permission():
    rows = ours().filter(codename__in=PERMISSIONS)

    assert dict(rows.values_list("codename", "content_type__model")) == PERMISSIONS


def test_there_are_no_others():
    edits = {
        f"{verb}_{model}"
        for verb in ("add", "change", "delete")
        for model in ("achievement", "activity", "boost", "streakdefinition")
    }
    views = {f"view_{model}" for model in models()}

    # Levels are edited together, on one page.
    expected = {*edits, *views, *PERMISSIONS, "change_level"}
    assert set(ours().values_list("codename", flat=True)) == expected


def models():
    return set(ours().values_list("content_type__model", flat=True))


def test_nobody_may_record_by_default(user):
    assert not user.has_perm("gamification.record_activity")
