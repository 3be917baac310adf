"""The needs of users besides the criterion of an achievement, in words."""

from __future__ import annotations

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from gamification.models.texts.conditions import need_text
from gamification.values import ConditionProgress


def needs_text(conditions: ConditionProgress | None) -> str:
    """Return what is not met yet, such as “hold “Newcomer”; level 5 (now at 3)”.

    It is empty if nothing is missing.
    """
    return "; ".join(map(_need_of, conditions.unmet)) if conditions else ""


def _need_of(progress: ConditionProgress) -> str:
    values = {
        "text": need_text(progress.condition, progress.names),
        "current": number_format(progress.current, force_grouping=True),
        "target": number_format(progress.target, force_grouping=True),
    }
    texts = {
        "criterion": _("%(text)s (now at %(current)s)"),
        "at_least": _("%(text)s, %(current)s of %(target)s met"),
    }
    return texts.get(progress.name, "%(text)s") % values
