"""Says why freezes did not keep a streak."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gamification.models import Achievement, StreakFreeze
from gamification.services.streaks.status import load_anyone, status_of


def unused_freezes(user_id: Any, achievement: Achievement) -> str:
    """Return a sentence if freezes covered only a part of what was missed, or "".

    They did not keep the streak that ``achievement`` measures.
    """
    if not StreakFreeze.objects.filter(user=user_id).exists():
        return ""
    loaded = load_anyone(user_id)
    key = achievement.streak.key if achievement.streak else loaded.catalogue.daily.key
    status = status_of(loaded, loaded.catalogue.streaks[key], timezone.now())
    missed = len(status.missed)
    if status.freezes_needed or not 0 < status.coverable < missed:
        return ""
    text = ngettext(
        "A freeze would cover %(count)s of the %(missed)s %(units)s missed: none was "
        "used.",
        "Freezes would cover %(count)s of the %(missed)s %(units)s missed: none was "
        "used.",
        status.coverable,
    )
    units = {"day": _("days"), "week": _("weeks"), "month": _("months")}[status.unit]
    return text % {"count": status.coverable, "missed": missed, "units": units}
