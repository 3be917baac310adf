from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import get_user_model

if not admin.site.is_registered(get_user_model()):
    # Django registers its own user model alone.
    admin.site.register(get_user_model())
