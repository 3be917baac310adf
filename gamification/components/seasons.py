"""Seasons in words, for users."""

from __future__ import annotations

from django.utils.translation import gettext as _

from gamification.models import Achievement
from gamification.models.texts.repeats import moment_text
from gamification.staff import SeasonState


def season_text(achievement: Achievement, state: SeasonState | None) -> str:
    """Return when a season begins, or when it ends; "" if there is nothing to say."""
    begins, ends = (
        moment and moment_text(moment, achievement.season_zone)
        for moment in (achievement.starts_at, achievement.ends_at)
    )
    if state == SeasonState.UPCOMING:
        return _("From %(time)s") % {"time": begins}
    if state == SeasonState.ENDED:
        return _("Ended on %(time)s") % {"time": ends}
    return _("Until %(time)s") % {"time": ends} if state and ends else ""
