"""Read-only pages of the history: ledger, unlocked achievements, celebrations."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model, QuerySet
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from gamification.admin.base import HistoryAdmin
from gamification.models import (
    Celebration,
    LedgerEntry,
    UserAchievement,
    UserGamification,
)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(HistoryAdmin):
    list_display = (
        "id",
        "player",
        "kind",
        "amount",
        "activity",
        "achievement",
        "quantity",
        "local_date",
        "recorded_at",
        "actor",
        "own",
    )
    list_filter = ("kind", "activity")
    list_select_related = ("user", "activity", "achievement", "actor")
    date_hierarchy = "recorded_at"
    ordering = ("-recorded_at", "-pk")
    search_hint = _("Enter the user's full login name, or a full source.")

    @admin.display(description=_("user"))
    def player(self, entry: LedgerEntry) -> str:
        """Return the name of the user, with a link to their progress if it is open."""
        if not self.admin_site.is_registered(UserGamification):
            return str(entry.user)
        key = quote(str(entry.user_id))
        address = self.address_of("usergamification_for", key)
        return format_html('<a href="{}"><bdi>{}</bdi></a>', address, entry.user)

    @admin.display(boolean=True, description=_("for themselves"))
    def own(self, entry: LedgerEntry) -> bool:
        return entry.is_own

    def search(self, queryset: QuerySet[Model], term: str) -> QuerySet[Model]:
        """Return the entries of a user or, if they have none, those of a source."""
        of_user = super().search(queryset, term)
        # Without such a user, Django knows the result and sends no query.
        return of_user if of_user.exists() else queryset.filter(source=term)


@admin.register(UserAchievement)
class UserAchievementAdmin(HistoryAdmin):
    list_display = ("user", "achievement", "unlocked_at", "xp_awarded", "revoked_at")
    list_filter = ("achievement", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "achievement")
    date_hierarchy = "unlocked_at"
    ordering = ("-unlocked_at", "-pk")


@admin.register(Celebration)
class CelebrationAdmin(HistoryAdmin):
    list_display = (
        "user",
        "kind",
        "dedupe_key",
        "created_at",
        "acknowledged_at",
        "expires_at",
    )
    list_filter = ("kind", ("acknowledged_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
