"""The catalogue of activities and levels, and what achievements share with them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import (
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
)
from django.db import models, router, transaction
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from gamification.domain.levels import MAX_LEVELS, LevelRule
from gamification.domain.rules import (
    MAX_COOLDOWN,
    MAX_QUANTITY,
    MAX_REWARD,
    MAX_TOTAL,
)
from gamification.models.base.natural_keys import KeyedQuerySet, NumberedQuerySet
from gamification.models.rules.checks import clean_attributes
from gamification.models.rules.references import check_unnamed
from gamification.models.texts.levels import level_text


class KeyedItem(models.Model):
    """The fields that all definitions with a key share."""

    key = models.SlugField(
        _("key"),
        max_length=100,
        unique=True,
        # The API has the previews of new definitions at this place.
        validators=[
            RegexValidator(
                r"^preview\Z",
                _("No definition can have this key."),
                "reserved",
                inverse_match=True,
            )
        ],
        help_text=_("The name that code uses. It cannot be changed later."),
    )
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, max_length=1_000)

    objects = KeyedQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        stored = self.stored_key()
        if stored not in {None, self.key}:
            msg = f"The key {stored!r} cannot be changed."
            raise ValueError(msg)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the item, unless the conditions of an achievement name it."""
        alias = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=alias):
            check_unnamed([self])
            return super().delete(*args, **kwargs)

    def natural_key(self) -> tuple[str]:
        """Return what names the item in every database."""
        return (self.key,)

    def clean(self) -> None:
        super().clean()
        if self.stored_key() not in {None, self.key}:
            raise ValidationError({"key": _("The key cannot be changed.")})

    def stored_key(self) -> str | None:
        """Return the key in the database; None for a new item."""
        model = self.__class__
        alias = self._state.db or router.db_for_write(model, instance=self)
        rows = model._base_manager.using(alias)
        return rows.filter(pk=self.pk).values_list("key", flat=True).first()


class CatalogueItem(KeyedItem):
    """The fields that activities and achievements share."""

    xp_reward = models.BigIntegerField(
        _("XP reward"),
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(MAX_REWARD)],
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        abstract = True


def reward_is_bounded(model: str) -> models.CheckConstraint:
    """Return the constraint on the reward of a model."""
    return models.CheckConstraint(
        condition=Q(xp_reward__gte=0, xp_reward__lte=MAX_REWARD),
        name=f"gamification_{model}_reward",
    )


class Activity(CatalogueItem):
    """Something that users do, with the XP that it earns."""

    daily_limit = models.BigIntegerField(
        _("daily limit"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_QUANTITY)],
        help_text=_("How many units a day earn a user XP; empty means no limit."),
    )
    cooldown = models.BigIntegerField(
        _("cooldown"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_COOLDOWN)],
        help_text=_("Seconds between rewarded records; empty means no cooldown."),
    )
    extends_streak = models.BooleanField(_("extends the streak"), default=True)
    attributes = models.JSONField(
        _("attributes"),
        default=dict,
        blank=True,
        help_text=_("Attributes of records, and types: string, integer, boolean."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        ordering: ClassVar = ["key"]
        constraints: ClassVar = [
            reward_is_bounded("activity"),
            models.CheckConstraint(
                condition=Q(daily_limit=None) | Q(daily_limit__gte=1),
                name="gamification_activity_daily_limit",
            ),
            models.CheckConstraint(
                condition=Q(cooldown=None) | Q(cooldown__gte=1),
                name="gamification_activity_cooldown",
            ),
        ]

    def clean(self) -> None:
        super().clean()
        clean_attributes(self)


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
