"""What definitions with a key share, and those of them that carry a reward."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, router, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gamification.domain.rules import MAX_REWARD
from gamification.models.base.natural_keys import KeyedQuerySet
from gamification.models.rules.references import check_unnamed


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
        """Delete the item, unless another one names it."""
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
