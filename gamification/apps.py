"""The app's entry in ``INSTALLED_APPS``."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_delete, post_save, pre_delete
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
        users = settings.AUTH_USER_MODEL
        pre_delete.connect(user_deletion.lock_before_deletion, sender=users)
        post_delete.connect(user_deletion.remove_leftovers, sender=users)
        post_save.connect(user_changes.notice_saved_user, sender=users)
