from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command

from gamification.management.commands.gamification_groups import Command

pytestmark = pytest.mark.django_db


def create():
    output = StringIO()
    call_command(Command(), stdout=output)
    return output.getvalue().splitlines()


def codenames(name):
    rows = Group.objects.get(name=name).permissions
    return {*rows.values_list("codename", flat=True)}


def test_moderators_help_single_users_and_designers_run_the_game():
    lines = create()

    moderators, designers = codenames("Moderators"), codenames("Game designers")
    assert lines == [
        "Moderators: created, permissions: 27",
        "Game designers: created, permissions: 34",
    ]
    alone = {"reopen_board", "restrict_user", "reverse_entry"}
    alone |= {"grant_freezes", "pause_streak", "repair_streak"}
    assert moderators - designers == alone
    assert {"run_job", "change_activity"} <= designers - moderators


def test_groups_that_exist_keep_what_they_have():
    create()
    more = Permission.objects.get(codename="add_logentry")
    Group.objects.get(name="Moderators").permissions.add(more)

    lines = create()

    assert lines[0] == "Moderators: completed, permissions: 27"
    assert "add_logentry" in codenames("Moderators")


def test_missing_permissions_are_an_error():
    Permission.objects.filter(codename="run_job").delete()

    with pytest.raises(CommandError, match="migrate"):
        create()
