"""History: a record of what happened. Services append to it; nothing edits it."""

from __future__ import annotations

from typing import Any, ClassVar, Never

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gamification.domain.boosted import Boosted, read_boosted
from gamification.domain.outcomes import EntryKind
from gamification.models.base.fields import (
    internal_note_field,
    note_field,
    staff_field,
    user_field,
)
from gamification.models.base.querysets import AppForeignKey, AppQuerySet
from gamification.models.catalogue.achievements import Achievement
from gamification.models.catalogue.activities import Activity
from gamification.models.jobs import Job
from gamification.models.texts.boosts import boosted_text


class LedgerEntryQuerySet(AppQuerySet["LedgerEntry"]):
    """Entries of the ledger, which are never edited and go only with their user."""

    def update(self, **kwargs: Any) -> Never:
        msg = "A ledger entry is never edited; reverse it instead."
        raise TypeError(msg)

    def delete(self) -> Never:
        msg = "A ledger entry is deleted only with its user; reverse it instead."
        raise TypeError(msg)


class LedgerEntry(models.Model):
    """One change of a user's XP, or a record that changed none."""

    # Columns of a fixed width come first, so that PostgreSQL has little to pad and
    # finds them without reading texts.
    user = user_field("gamification_entries")
    local_date = models.DateField(
        _("local date"),
        help_text=_("The date on the user's calendar when it occurred."),
    )
    amount = models.BigIntegerField(
        _("XP"), help_text=_("XP that the entry adds; negative if it takes some.")
    )
    activity = AppForeignKey(
        Activity,
        models.PROTECT,
        null=True,
        related_name="ledger_entries",
        db_index=False,
        verbose_name=_("activity"),
    )
    quantity = models.BigIntegerField(_("quantity"), default=0)
    rewarded = models.BigIntegerField(
        _("rewarded quantity"),
        default=0,
        help_text=_("Units that earned XP; a limit or a cooldown withheld the others."),
    )
    xp_reward = models.BigIntegerField(
        _("XP per unit"),
        default=0,
        help_text=_("XP per unit of the activity at the time of recording."),
    )
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)
    achievement = AppForeignKey(
        Achievement,
        models.PROTECT,
        null=True,
        related_name="ledger_entries",
        db_index=False,
        verbose_name=_("achievement"),
    )
    # No foreign key, so that the table can be distributed by user.
    reverses = models.BigIntegerField(_("reverses"), null=True)
    corrects = models.BigIntegerField(
        _("corrects"),
        null=True,
        help_text=_("The entry whose worth this one raises or lowers."),
    )
    job = AppForeignKey(
        Job,
        models.PROTECT,
        null=True,
        related_name="entries",
        db_index=False,
        verbose_name=_("job"),
        help_text=_("The job that wrote the entry."),
    )
    number = models.IntegerField(
        _("number"),
        null=True,
        help_text=_("Which time the achievement was earned; empty for the first."),
    )
    period = models.DateField(
        _("period"),
        null=True,
        help_text=_("The first date of the period for which it was earned."),
    )
    actor = staff_field(_("actor"), db_index=False)
    extends_streak = models.BooleanField(_("extends the streak"), default=False)
    kind = models.CharField(_("kind"), max_length=12, choices=EntryKind)
    key = models.CharField(_("key"), max_length=255, null=True)  # noqa: DJ001 - unique
    fingerprint = models.CharField(_("fingerprint"), max_length=16, blank=True)
    source = models.CharField(_("source"), max_length=255, blank=True)
    note = note_field()
    internal_note = internal_note_field()
    attributes = models.JSONField(
        _("attributes"),
        null=True,
        help_text=_("Values of the record, by attribute of its activity."),
    )
    boosts = models.JSONField(
        _("boosts"),
        null=True,
        help_text=_("The factor of its XP, and the boosts that it comes from."),
    )
    outcome = models.JSONField(
        _("outcome"), null=True, help_text=_("The outcome that a replay returns.")
    )

    objects = LedgerEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        # docs/reference/storage.md says what each of them costs.
        indexes: ClassVar = [
            # Daily limits, cooldowns and streaks of some activities count by it.
            models.Index(
                fields=["user", "activity", "local_date"],
                name="gamification_entry_by_day",
            ),
            # A user's own ledger, a page at a time.
            models.Index(fields=["user", "id"], name="gamification_entry_of_user"),
            # The score of a user in a period, and when it was reached.
            models.Index(
                fields=["user", "occurred_at"], name="gamification_entry_by_moment"
            ),
            # Staff browse dates, or one activity, and count or take back what
            # everybody did. Entries of a date share one key, so both are small.
            models.Index(fields=["local_date"], name="gamification_entry_by_date"),
            models.Index(
                fields=["activity", "local_date"],
                name="gamification_entry_of_activity",
            ),
            # Staff browse rare kinds, latest first.
            models.Index(
                fields=["kind", "id"],
                condition=~Q(kind=EntryKind.ACTIVITY),
                name="gamification_entry_by_kind",
            ),
            # A site takes back all entries of one of its objects.
            models.Index(
                fields=["source", "user"],
                condition=~Q(source=""),
                name="gamification_entry_by_source",
            ),
            # The deletions of a user and of an achievement use these, too.
            models.Index(
                fields=["actor", "id"],
                condition=Q(actor__isnull=False),
                name="gamification_entry_by_actor",
            ),
            models.Index(
                fields=["achievement", "id"],
                condition=Q(achievement__isnull=False),
                name="gamification_entry_of_award",
            ),
            # The entries of a job are shown and taken back.
            models.Index(
                fields=["job", "user"],
                condition=Q(job__isnull=False),
                name="gamification_entry_of_job",
            ),
            # Boosted entries are counted one by one.
            models.Index(
                fields=["local_date"],
                condition=Q(boosts__isnull=False),
                name="gamification_entry_boosted",
            ),
            # The corrections that are part of an entry's worth.
            models.Index(
                fields=["user", "corrects"],
                condition=Q(corrects__isnull=False),
                name="gamification_entry_corrects",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "key"],
                condition=Q(key__isnull=False),
                name="gamification_ledgerentry_key",
            ),
            models.UniqueConstraint(
                fields=["user", "reverses"],
                condition=Q(reverses__isnull=False),
                name="gamification_ledgerentry_reverses",
            ),
            models.CheckConstraint(
                condition=Q(kind=EntryKind.REVERSAL, reverses__isnull=False)
                | ~Q(kind=EntryKind.REVERSAL) & Q(reverses=None),
                name="gamification_ledgerentry_reversal",
            ),
            models.CheckConstraint(
                condition=Q(kind=EntryKind.CORRECTION, corrects__isnull=False)
                | ~Q(kind=EntryKind.CORRECTION) & Q(corrects=None),
                name="gamification_ledgerentry_correction",
            ),
        ]
        permissions: ClassVar = [
            ("record_activity", "Can record activities for users"),
            ("adjust_xp", "Can adjust XP of users"),
            ("reverse_entry", "Can reverse ledger entries"),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+} XP · {self.get_kind_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            msg = "A ledger entry is never edited; reverse it instead."
            raise TypeError(msg)
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        msg = "A ledger entry is deleted only with its user; reverse it instead."
        raise TypeError(msg)

    @property
    def boosted(self) -> Boosted:
        """The XP of the entry before boosts, and what multiplied it."""
        return read_boosted(self.amount, self.rewarded * self.xp_reward, self.boosts)

    @property
    def boosted_text(self) -> str:
        """The origin of boosted XP: “10 × 2, Launch weekend”, if any."""
        return boosted_text(self.boosted)

    @property
    def is_own(self) -> bool:
        """Whether the user gave it to themselves."""
        return self.actor_id is not None and self.actor_id == self.user_id
