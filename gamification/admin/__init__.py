"""The admin's pages: the catalogue to be edited, history and progress to be read."""

from __future__ import annotations

from gamification.admin import catalogue, history, progress, runs

__all__ = ["catalogue", "history", "progress", "runs"]
