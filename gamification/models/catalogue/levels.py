"""Levels: the total XP at which each begins, and its name."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from gamification.domain.levels import MAX_LEVELS, LevelRule
from gamification.domain.rules import MAX_TOTAL
from gamification.models.base.natural_keys import NumberedQuerySet
from gamification.models.texts.levels import level_text


class Level(models.Model):
    """A level: the total XP at which it begins, and what it is called.

    Without any rows, the app's own levels are in effect.
    """

    number = models.IntegerField(
        _("number"),
        unique=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_LEVELS)],
    )
    threshold = models.BigIntegerField(
        _("begins at"),
        validators=[MinValueValidator(0), MaxValueValidator(MAX_TOTAL)],
        help_text=_("The total XP at which the level begins."),
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    icon = models.CharField(
        _("icon"), max_length=50, blank=True, help_text=_("An emoji, or a name.")
    )
    translations = models.JSONField(
        _("translations"),
        default=dict,
        blank=True,
        help_text=_("The name in other languages, by the language's code."),
    )
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = NumberedQuerySet.as_manager()

    class Meta:
        verbose_name = _("level")
        verbose_name_plural = _("levels")
        default_permissions = ("view", "change")
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(number__gte=1, number__lte=MAX_LEVELS),
                name="gamification_level_number",
            ),
            models.CheckConstraint(
                condition=Q(threshold__gte=0, threshold__lte=MAX_TOTAL),
                name="gamification_level_threshold",
            ),
        ]

    def __str__(self) -> str:
        return level_text(self.number, self.rule.name_in(get_language()))

    def natural_key(self) -> tuple[int]:
        """Return what names the level in every database."""
        return (self.number,)

    @property
    def rule(self) -> LevelRule:
        """The level as decisions need it."""
        return LevelRule(*(getattr(self, name) for name in LevelRule._fields))
