"""Creates the groups that most sites give their staff."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import Group, Permission
from django.core.management import BaseCommand, CommandError
from django.db import router

_VIEWS: Final = (
    "view_achievement",
    "view_activity",
    "view_activeday",
    "view_activitytally",
    "view_board",
    "view_boost",
    "view_celebration",
    "view_job",
    "view_jobuser",
    "view_ledgerentry",
    "view_level",
    "view_repaireddate",
    "view_restriction",
    "view_streakdefinition",
    "view_streakfreeze",
    "view_streakpause",
    "view_userachievement",
    "view_usergamification",
)

#: The permissions of each group: moderators help and correct single users, and game
#: designers edit the catalogue and run jobs.
GROUPS: Final = {
    "Moderators": (
        *_VIEWS,
        "adjust_xp",
        "award_achievement",
        "grant_freezes",
        "pause_streak",
        "reopen_board",
        "repair_streak",
        "restrict_user",
        "reverse_entry",
        "revoke_achievement",
    ),
    "Game designers": (
        *_VIEWS,
        "add_achievement",
        "add_activity",
        "add_boost",
        "add_streakdefinition",
        "adjust_xp",
        "award_achievement",
        "change_achievement",
        "change_activity",
        "change_boost",
        "change_level",
        "change_streakdefinition",
        "delete_achievement",
        "delete_activity",
        "delete_boost",
        "revoke_achievement",
        "run_job",
    ),
}


class Command(BaseCommand):
    help = (
        "Create the groups Moderators and Game designers with the permissions that "
        "they need in the admin and over HTTP. Permissions of other apps, and those "
        "that a group has beyond these, stay."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        rows = Permission.objects.using(router.db_for_write(Permission))
        ours = rows.filter(content_type__app_label="gamification")
        for name, codenames in GROUPS.items():
            permissions = ours.filter(codename__in=codenames)
            if len(permissions) != len(codenames):
                raise CommandError("Permissions are missing: run `manage.py migrate`.")
            group, is_new = Group.objects.get_or_create(name=name)
            group.permissions.add(*permissions)
            what = "created" if is_new else "completed"
            self.stdout.write(f"{name}: {what}, permissions: {len(permissions)}")
