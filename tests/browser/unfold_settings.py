"""The settings of the suite, with django-unfold."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = ["unfold", *_APPS]
