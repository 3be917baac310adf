"""The app's entry in ``INSTALLED_APPS``."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.contrib.auth import get_user_model
from django.db.models.signals import post_delete, pre_delete
from django.utils.translation import gettext_lazy as _


class GamificationConfig(AppConfig):
    """Names the app, registers its checks, and handles the deletion of users."""

    name = "gamification"
    verbose_name = _("Gamification")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gamification.checks import register_checks
        from gamification.services import user_deletion

        register_checks()
        users = get_user_model()._meta.concrete_model
        for model in apps.get_models():
            # Signals name the class of the instance, which may be a proxy.
            if model._meta.concrete_model is users:
                pre_delete.connect(user_deletion.lock_before_deletion, sender=model)
                post_delete.connect(user_deletion.remove_leftovers, sender=model)
