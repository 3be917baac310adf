"""Achievements: what users can earn, and what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from gamification.conf import conf
from gamification.domain.criteria import Criterion
from gamification.domain.days import EPOCH, LAST
from gamification.domain.rules import (
    MAX_STEPS,
    MAX_TIMES,
    MAX_TOTAL,
    AchievementStatus,
)
from gamification.domain.streak_rules import StreakUnit
from gamification.models.base.querysets import AppForeignKey
from gamification.models.catalogue.activities import Activity
from gamification.models.catalogue.items import CatalogueItem, reward_is_bounded
from gamification.models.rules.checks import clean_rule
from gamification.models.texts.conditions import (
    Names,
    requirement_of,
    requirement_sentence,
    requirement_text,
)
from gamification.models.texts.repeats import repeat_sentence, season_sentence

if TYPE_CHECKING:
    CharField = models.CharField[str, str]
else:
    CharField = models.CharField


def category_choices() -> list[tuple[str, str]]:
    """Return the site's categories, for forms and checks of values."""
    return [(category.key, category.name) for category in conf.categories]


class CategoryField(CharField):
    """A category of the site. Migrations leave the choices out, as settings do them."""

    def deconstruct(self) -> Any:
        name, _path, args, options = super().deconstruct()
        options.pop("choices", None)
        return name, "django.db.models.CharField", args, options


class Achievement(CatalogueItem):
    """Something for users to be proud of, with the criterion that unlocks it."""

    category = CategoryField(_("category"), max_length=20, choices=category_choices)
    icon = models.CharField(
        _("icon"), max_length=50, blank=True, help_text=_("An emoji, or a name.")
    )
    criterion = models.CharField(_("criterion"), max_length=20, choices=Criterion)
    activity = AppForeignKey(
        Activity,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="achievements",
        verbose_name=_("activity"),
        help_text=_("The activity to count, if the criterion counts one."),
    )
    streak = AppForeignKey(
        "gamification.StreakDefinition",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="achievements",
        verbose_name=_("streak"),
        help_text=_("The streak to measure; empty means the daily one."),
    )
    threshold = models.BigIntegerField(
        _("threshold"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_TOTAL)],
        help_text=_("The achievement unlocks when the criterion reaches this number."),
    )
    counting = models.JSONField(
        _("what is counted"),
        default=dict,
        blank=True,
        help_text=_("Which records count, when and how; empty means all."),
    )
    conditions = models.JSONField(
        _("further conditions"),
        null=True,
        blank=True,
        help_text=_("Conditions that users must also meet; empty means none."),
    )
    series = models.SlugField(
        _("series"),
        max_length=100,
        blank=True,
        db_index=False,
        help_text=_("The series that the achievement belongs to."),
    )
    step = models.IntegerField(
        _("step"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_STEPS)],
        help_text=_("Its place in the series; a higher step is worth more."),
    )
    max_times = models.IntegerField(
        _("how often"),
        null=True,
        blank=True,
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_TIMES)],
        help_text=_("How often a user can earn it; empty means without end."),
    )
    repeat_every = models.BigIntegerField(
        _("again every"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_TOTAL)],
        help_text=_("How much more of the criterion earns it again."),
    )
    repeat_period = models.CharField(
        _("once per"),
        max_length=5,
        blank=True,
        choices=StreakUnit,
        help_text=_("The criterion starts anew with each of these periods."),
    )
    starts_at = models.DateTimeField(
        _("starts at"),
        null=True,
        blank=True,
        validators=[MinValueValidator(EPOCH), MaxValueValidator(LAST)],
        help_text=_("Earlier records do not count."),
    )
    ends_at = models.DateTimeField(
        _("ends at"),
        null=True,
        blank=True,
        validators=[MinValueValidator(EPOCH), MaxValueValidator(LAST)],
        help_text=_("Records from this time on do not count."),
    )
    season_zone = models.CharField(
        _("time zone of the season"),
        max_length=64,
        blank=True,
        help_text=_("Empty means that each user's own clock decides."),
    )
    shown_outside_season = models.BooleanField(
        _("shown outside its season"),
        default=False,
        help_text=_("Users see it before it starts and after it ends."),
    )
    is_secret = models.BooleanField(_("secret"), default=False)
    revocable = models.BooleanField(
        _("revocable"),
        default=False,
        help_text=_(
            "Users lose it when a reversal takes back what earned it. They can then "
            "earn it again."
        ),
    )
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=AchievementStatus,
        default=AchievementStatus.ACTIVE,
    )
    position = models.IntegerField(_("position"), default=0)

    #: The names that the text of the conditions needs, where many are loaded at once.
    names: Names | None = None

    class Meta:
        verbose_name = _("achievement")
        verbose_name_plural = _("achievements")
        ordering: ClassVar = ["position", "key"]
        constraints: ClassVar = [
            reward_is_bounded("achievement"),
            models.CheckConstraint(
                condition=Q(threshold__gte=1, threshold__lte=MAX_TOTAL),
                name="gamification_achievement_threshold",
            ),
            models.CheckConstraint(
                condition=(
                    Q(criterion=Criterion.ACTIVITY_COUNT, activity__isnull=False)
                    | ~Q(criterion=Criterion.ACTIVITY_COUNT) & Q(activity=None)
                ),
                name="gamification_achievement_activity",
                violation_error_message=_(
                    "Choose an activity if the criterion counts one, otherwise none."
                ),
            ),
            models.CheckConstraint(
                condition=Q(criterion=Criterion.LONGEST_STREAK) | Q(streak=None),
                name="gamification_achievement_streak",
                violation_error_message=_(
                    "Choose a streak only if the criterion measures one."
                ),
            ),
            models.CheckConstraint(
                condition=(
                    Q(series="", step=None) | ~Q(series="") & Q(step__isnull=False)
                ),
                name="gamification_achievement_series",
                violation_error_message=_("A series and a step go together."),
            ),
            models.UniqueConstraint(
                fields=["series", "step"],
                condition=~Q(series=""),
                name="gamification_achievement_step",
                violation_error_message=_("The series already has this step."),
            ),
            models.CheckConstraint(
                condition=(
                    # Without the first part, NULL would be neither right nor wrong.
                    Q(
                        max_times__isnull=False,
                        max_times=1,
                        repeat_every=None,
                        repeat_period="",
                    )
                    | ~Q(max_times=1, max_times__isnull=False)
                    & (
                        Q(repeat_every=None) & ~Q(repeat_period="")
                        | Q(repeat_every__isnull=False, repeat_period="")
                    )
                ),
                name="gamification_achievement_repeats",
                violation_error_message=_(
                    "An achievement that users can earn more than once needs either "
                    "“again every” or “once per”; any other needs neither."
                ),
            ),
            models.CheckConstraint(
                condition=Q(starts_at=None)
                | Q(ends_at=None)
                | Q(starts_at__lt=F("ends_at")),
                name="gamification_achievement_season",
                violation_error_message=_("The season ends before it starts."),
            ),
        ]

    def clean(self) -> None:
        super().clean()
        clean_rule(self)

    @property
    def measure(self) -> tuple[str, int | None]:
        """The criterion, and the id of the activity or streak that it measures."""
        about = self.streak_id if self.activity_id is None else self.activity_id
        return self.criterion, about

    @property
    def criterion_text(self) -> str:
        """The requirement, such as “50 × KPI completed” or “streak of 7 days”."""
        return requirement_text(*requirement_of(self))

    @property
    def criterion_sentence(self) -> str:
        """The requirement as a sentence."""
        return requirement_sentence(*requirement_of(self))

    @property
    def timing_sentence(self) -> str:
        """When and how often users can earn it, in sentences; "" for any time, once."""
        repeats = repeat_sentence(self.max_times, self.repeat_every, self.repeat_period)
        season = season_sentence(self.starts_at, self.ends_at, self.season_zone)
        return f"{repeats} {season}".strip()

    @property
    def requirement(self) -> str:
        """All that it takes to earn it, when, and how often, in sentences."""
        return f"{self.criterion_sentence} {self.timing_sentence}".strip()
