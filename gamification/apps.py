"""The app's entry in ``INSTALLED_APPS``."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class GamificationConfig(AppConfig):
    """Names the app, registers its checks, and follows changes of users."""

    name = "gamification"
    verbose_name = _("Gamification")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gamification.checks import register_checks
        from gamification.services import user_changes, user_deletion

        register_checks()
        user_deletion.guard_deletions(apps)
        user_changes.follow_users(apps)
