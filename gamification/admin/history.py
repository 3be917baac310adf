"""Read-only pages of the history: ledger, unlocked achievements, celebrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gamification.admin.base import HistoryAdmin
from gamification.admin.changelists import BoundedChangeList
from gamification.admin.filters import ActorFilter, RangeFilter
from gamification.admin.sources import SourceLinks, source_html
from gamification.admin.ui.formatting import describe_attributes
from gamification.models import Celebration, LedgerEntry, UserAchievement
from gamification.services import EntryKind


class LedgerChangeList(BoundedChangeList):
    """The list of entries, with the pages that they lead to."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        model_admin: Any = self.model_admin
        model_admin.mark(request, self.result_list)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(HistoryAdmin):
    list_display = (
        "recorded_at",
        "player",
        "what",
        "said",
        "amount",
        "local_date",
        "origin",
        "given_by",
    )
    list_filter = (
        "kind",
        "activity",
        "achievement",
        ("local_date", RangeFilter),
        ActorFilter,
    )
    list_select_related = ("user", "activity", "achievement", "actor")
    date_hierarchy = "local_date"
    search_hint = _("Enter the user's full login name, or a full source.")
    readonly_fields = ("player", "origin", "said")
    fields = (
        *("id", "player", "kind", "amount", "activity", "achievement"),
        *("quantity", "rewarded", "xp_reward", "extends_streak"),
        *("occurred_at", "local_date", "recorded_at", "key", "fingerprint", "origin"),
        "said",
        *("reverses", "corrects", "actor", "note", "internal_note", "job", "outcome"),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LedgerChangeList

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # The indexes of users' dates, and of activities, have the latest date last.
        given = request.GET.items()
        is_by_date = any(
            name.startswith(("local_date__", "activity__"))
            for name, value in given
            if value
        )
        return ("-local_date", "-pk") if is_by_date else self.ordering

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Model | None:
        entry: Any = super().get_object(request, object_id, from_field)
        if entry is not None:
            self.mark(request, [entry])
        return entry  # type: ignore[no-any-return]

    def mark(self, request: HttpRequest, entries: Sequence[Any]) -> None:
        """Give entries the addresses of the pages that the staff member may open."""
        SourceLinks(self.admin_site, request).mark(entries)
        for entry in entries:
            entry.user_page = self.address_of_user(request, entry.user_id)

    @admin.display(description=_("user"))
    def player(self, entry: LedgerEntry) -> str:
        """Return the name of the user, with a link to their progress if it is open."""
        address = getattr(entry, "user_page", "")
        if not address:
            return str(entry.user)
        return format_html('<a href="{}"><bdi>{}</bdi></a>', address, entry.user)

    @admin.display(description=_("what"))
    def what(self, entry: LedgerEntry) -> str:
        """Return the activity or achievement, how often, and the kind of entry."""
        subject: Any = entry.activity or entry.achievement
        if subject is None:
            return entry.get_kind_display()
        units = f" × {entry.quantity}" if abs(entry.quantity) > 1 else ""
        if entry.kind == EntryKind.ACTIVITY:
            return format_html("<bdi>{}</bdi>{}", subject, units)
        kind = entry.get_kind_display()
        return format_html("<bdi>{}</bdi>{} ({})", subject, units, kind)

    @admin.display(description=_("attributes"))
    def said(self, entry: LedgerEntry) -> str:
        return describe_attributes(entry)

    @admin.display(description=_("source"))
    def origin(self, entry: LedgerEntry) -> str:
        return source_html(entry)

    @admin.display(description=_("actor"))
    def given_by(self, entry: LedgerEntry) -> str:
        """Return who gave it, with a mark if they gave it to themselves."""
        if entry.actor is None:
            return ""
        own = gettext(" (for themselves)") if entry.is_own else ""
        return format_html("<bdi>{}</bdi>{}", entry.actor, own)

    def search(self, queryset: QuerySet[Model], term: str) -> QuerySet[Model]:
        """Return the entries of a user or, if they have none, those of a source."""
        of_user = super().search(queryset, term)
        # Without such a user, Django knows the result and sends no query.
        return of_user if of_user.exists() else queryset.filter(source=term)


@admin.register(UserAchievement)
class UserAchievementAdmin(HistoryAdmin):
    list_display = (
        *("user", "achievement", "number", "unlocked_at"),
        *("xp_awarded", "revoked_at"),
    )
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
