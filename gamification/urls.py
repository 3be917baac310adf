"""Addresses of the pages for users: ``include("gamification.urls")``."""

from __future__ import annotations

from gamification.pages.urls import app_name, urlpatterns

__all__ = ["app_name", "urlpatterns"]
