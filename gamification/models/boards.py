"""Leaderboards: kept scores, in the order of their board. The ledger restores them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gamification.domain.periods import Window
from gamification.models.base.querysets import AppForeignKey, AppQuerySet


def _loose_user(**options: Any) -> models.ForeignKey[Any, Any]:
    """Return a link to a user that outlives the user.

    Deleting a user leaves the rows to the next upkeep, which corrects the counts.
    """
    return AppForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("user"),
        **options,
    )


class Board(models.Model):
    """The leaderboard of one period, for all users or for those of one group."""

    grouping = models.CharField(
        _("grouping"),
        max_length=50,
        blank=True,
        help_text=_("A name in LEADERBOARD_GROUPS; empty means all users."),
    )
    group = models.CharField(_("group"), max_length=100, blank=True)
    window = models.CharField(_("window"), max_length=5, choices=Window)
    starts_at = models.DateTimeField(_("starts at"), null=True)
    ends_at = models.DateTimeField(_("ends at"), null=True)
    audience = models.CharField(
        _("audience"),
        max_length=64,
        blank=True,
        help_text=_("The rule by which users were counted."),
    )
    is_built = models.BooleanField(
        _("built"),
        default=False,
        help_text=_("Whether it has all scores. Until then, the ledger answers."),
    )
    closed_at = models.DateTimeField(
        _("closed at"),
        null=True,
        blank=True,
        help_text=_("Later records do not change the board."),
    )
    reopened_at = models.DateTimeField(_("reopened at"), null=True, blank=True)
    building_until = models.DateTimeField(
        _("building until"),
        null=True,
        blank=True,
        help_text=_("Until then, the tick leaves the board to its builder."),
    )
    count = models.BigIntegerField(_("ranked users"), default=0)
    version = models.BigIntegerField(
        _("version"), default=0, help_text=_("Grows whenever kept scores change.")
    )

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("leaderboard")
        verbose_name_plural = _("leaderboards")
        default_permissions = ("view",)
        permissions: ClassVar = [("reopen_board", "Can reopen past leaderboards")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["grouping", "group", "window", "starts_at", "ends_at"],
                name="gamification_board_once",
            ),
            models.UniqueConstraint(
                fields=["grouping", "group", "window"],
                condition=Q(starts_at=None),
                name="gamification_board_forever",
            ),
        ]

    def __str__(self) -> str:
        begins = f" · {self.starts_at:%Y-%m-%d}" if self.starts_at else ""
        group = f" · {self.grouping} {self.group}" if self.grouping else ""
        return f"{self.get_window_display()}{begins}{group}"


class BoardScore(models.Model):
    """The score of a ranked user on a board.

    Rows are ranked by ``debit``, ``reached`` and the user, all ascending, so that the
    database can compare places as wholes.
    """

    user = _loose_user()
    board = AppForeignKey(Board, models.CASCADE, related_name="scores", db_index=False)
    debit = models.BigIntegerField(
        _("debit"), help_text=_("The score with its sign reversed.")
    )
    reached = models.BigIntegerField(
        _("reached"), help_text=_("When it was reached, in microseconds since 1970.")
    )

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(
                fields=["board", "debit", "reached", "user"],
                name="gamification_score_by_place",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "board"], name="gamification_boardscore_once"
            ),
            models.CheckConstraint(
                condition=Q(debit__lt=0), name="gamification_boardscore_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{-self.debit} XP"


class BoardSegment(models.Model):
    """The number of scores from one place of a board up to the next segment.

    With these numbers, finding a rank does not take counting millions of scores. Wide
    segments have the scores of many narrow ones, and say how many there are before, so
    that few have to be added up. The first segment of a board begins before all scores,
    and has no user. A closed board has a narrow segment for each different score.
    """

    board = AppForeignKey(
        Board, models.CASCADE, related_name="segments", db_index=False
    )
    debit = models.BigIntegerField(_("debit"))
    reached = models.BigIntegerField(_("reached"), default=0)
    user = _loose_user(null=True)
    count = models.BigIntegerField(_("scores"))
    before = models.BigIntegerField(
        _("scores before"),
        default=0,
        help_text=_("Of wide segments and of closed boards; 0 for others."),
    )
    is_wide = models.BooleanField(_("wide"), default=False)

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(
                fields=["board", "is_wide", "debit", "reached", "user"],
                name="gamification_segment_by_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} × {self.board}"


class PendingScore(models.Model):
    """A user whose kept scores the next upkeep counts again.

    Writers only add rows here, so they never wait for each other.
    """

    user = _loose_user()
    occurred_at = models.DateTimeField(
        _("occurred at"),
        null=True,
        help_text=_("Only boards of this time are affected; empty means all."),
    )
    due_at = models.DateTimeField(
        _("due at"),
        null=True,
        help_text=_("When to count the user again; empty means now."),
    )

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("pending score")
        verbose_name_plural = _("pending scores")
        default_permissions = ()

    def __str__(self) -> str:
        return f"user {self.user_id}"
