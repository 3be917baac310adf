"""Pages of users' progress, which staff read, and the actions on one user."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import F, Model, QuerySet
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from gamification.admin.base import HistoryAdmin, log_action
from gamification.admin.changelists import BoundedChangeList
from gamification.admin.filters import RangeFilter
from gamification.admin.players.actions import ActionForm, ActionResult
from gamification.admin.players.filters import CategoryFilter, HeldFilter
from gamification.admin.players.ledger import parse_cursor
from gamification.admin.players.page import explain, find_player, get_player_page
from gamification.admin.players.restrictions import ALL_ACTIONS, restrictions_of
from gamification.admin.players.search import find_keys, newcomers_of
from gamification.admin.sources import SourceLinks
from gamification.models import (
    ActiveDay,
    ActivityTally,
    JobKind,
    UserGamification,
)
from gamification.staff import (
    get_levels,
    has_all_permissions,
    sees_ledgers,
    sees_unlocks,
    streaks_today,
    user_id_of,
)

_STYLES: Final = ["gamification/theme.css", "gamification/player.css"]


class UserChangeList(BoundedChangeList):
    """The list of users; it sorts without an index where an index would be slower."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        first, *others = super().get_ordering(request, queryset)
        if CategoryFilter.parameter_name not in self.params:
            return [first, *others]
        # PostgreSQL would read users in the order of an index until it has found enough
        # holders. Holders of an achievement that takes long to earn are all at one end
        # of it.
        key = F(first.removeprefix("-")) + 0
        return [key.desc() if first.startswith("-") else key.asc(), *others]

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        language = get_language()
        names = {level.number: level.name_in(language) for level in get_levels()}
        streaks = streaks_today(self.result_list)
        for row in self.result_list:
            row.level_name = names.get(row.level, "")
            row.streak_now = streaks[row.user_id]


@admin.register(UserGamification)
class UserGamificationAdmin(HistoryAdmin):
    """The list of users, and a page for each of them, on which staff act."""

    list_display = (
        "user",
        "total_xp",
        "named_level",
        "streak_today",
        "last_active_on",
        "held_until",
        "is_excluded",
        "is_public",
        "longest_streak",
        "active_days",
        "time_zone",
    )
    list_filter = (
        ("level", RangeFilter),
        ("last_active_on", RangeFilter),
        HeldFilter,
        "is_excluded",
        CategoryFilter,
    )
    # Levels rise with total XP, so the index on levels also has users in order of their
    # XP, and a record changes it only if it raises the level.
    orders: ClassVar = {
        "total_xp": ("level", "total_xp", "pk"),
        "named_level": ("level", "total_xp", "pk"),
    }
    list_select_related = ("user",)
    search_hint = _("Enter a part of the user's login name or email address.")
    change_list_template = "admin/gamification/usergamification/change_list.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UserChangeList

    @admin.display(description=_("level"))
    def named_level(self, row: UserGamification) -> str:
        name = getattr(row, "level_name", "")
        return f"{row.level} · {name}" if name else str(row.level)

    @admin.display(description=_("current streak"))
    def streak_today(self, row: UserGamification) -> int:
        return getattr(row, "streak_now", 0)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        """Return the progress of users whose name or address contains the term."""
        if search_term.strip():
            queryset = queryset.filter(user__in=_found(request, search_term))
        return queryset, False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Also show users whom the search found but who never did anything."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        term = request.GET.get("q", "")
        newcomers = newcomers_of(_found(request, term)) if term.strip() else []
        context = {**(extra_context or {}), "newcomers": newcomers}
        return super().changelist_view(request, context)

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "gamification_usergamification"
        return [
            # The address names the user, because users without history have no row.
            path("for/<str:user>/", view(self.player_view), name=f"{name}_for"),
            path(
                "for/<str:user>/<str:action>/",
                view(self.action_view),
                name=f"{name}_action",
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the page of the row's user, which is read-only."""
        if request.method == "POST":
            raise PermissionDenied
        row: Any = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return self.player_view(request, quote(str(row.user_id)))

    def player_view(self, request: HttpRequest, user: str) -> HttpResponse:
        """Show the page of a user, with or without any history."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        player = find_player(unquote(user))
        before = parse_cursor(request.GET.get("before"))
        why = request.GET.get("why", "")
        allowed = _allowed_actions(request)
        page = get_player_page(player, viewer=request.user, before=before)
        if page.ledger:
            links = SourceLinks(self.admin_site, request)
            links.mark(row.entry for row in page.ledger.rows)
        context = {
            "player_page": page,
            "restrictions": restrictions_of(player),
            "sees_ledger": sees_ledgers(request.user),
            "sees_unlocks": sees_unlocks(request.user),
            "user_page": self._user_page(request, player),
            "period_page": self._period_page(request, player),
            "action_forms": [form(player) for form in allowed.values()],
            "may": dict.fromkeys(allowed, True),
            "why": why,
            "answer": explain(page, why) if why else "",
        }
        return self._render(request, player, "player", context)

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        # The log has the notes of staff.
        if not sees_ledgers(request.user):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def action_view(self, request: HttpRequest, user: str, action: str) -> HttpResponse:
        """Show the form of an action, and perform the action when it is sent."""
        if action not in ALL_ACTIONS:
            raise Http404
        is_allowed = action in _allowed_actions(request)
        if not self.has_view_permission(request) or not is_allowed:
            raise PermissionDenied
        player = find_player(unquote(user))
        form = _action_form(request, ALL_ACTIONS[action], player)
        result = form.perform(request.user) if form.is_valid() else None
        if result is None:
            return self._render(request, player, "action", {"form": form})
        self._report(request, player, form, result)
        return redirect(self.address_of_user(request, user_id_of(player)))

    def _report(
        self, request: HttpRequest, player: Any, form: ActionForm, result: ActionResult
    ) -> None:
        """Show the result to the staff member, and log it with the note."""
        level = messages.SUCCESS if result.is_change else messages.INFO
        self.message_user(request, result.message, level)
        if result.is_change:
            values = {"message": result.message, "note": form.notes_text}
            message = gettext("%(message)s Note: %(note)s") % values
            rows = self.get_queryset(request).filter(user=player)
            log_action(request, rows, CHANGE, message)

    def _render(
        self, request: HttpRequest, player: Any, name: str, context: dict[str, Any]
    ) -> TemplateResponse:
        shared = {
            "media": Media(css={"all": _STYLES}),
            "title": _("User progress"),
            "subtitle": str(player),
            "player": player,
            "player_key": quote(str(user_id_of(player))),
            "original": player,
        }
        template = f"admin/gamification/usergamification/{name}.html"
        return self.render_page(request, template, shared | context)

    def _period_page(self, request: HttpRequest, player: Any) -> str:
        """Return the address that takes back a period; empty if not available."""
        address = self.address_of("job_reversal")
        is_allowed = has_all_permissions(request.user, JobKind.REVERSAL.permissions)
        if not address or not is_allowed:
            return ""
        return f"{address}?{urlencode({'user': player.pk})}"

    def _user_page(self, request: HttpRequest, player: Any) -> str:
        """Return the address of the user's account page; empty if not available."""
        model = type(player)
        if not self.admin_site.is_registered(model):
            return ""
        model_admin = self.admin_site.get_model_admin(model)
        if not model_admin.has_view_or_change_permission(request, player):
            return ""
        name = (
            f"{self.admin_site.name}:{model._meta.app_label}_{model._meta.model_name}"
        )
        return reverse(f"{name}_change", args=[quote(str(player.pk))])


def _found(request: HttpRequest, term: str) -> list[Any]:
    """Return the keys of the users whom the search finds; it searches only once."""
    known: dict[str, list[Any]] = vars(request).setdefault("found_users", {})
    if term not in known:
        known[term] = find_keys(term.strip())
    return known[term]


def _allowed_actions(request: HttpRequest) -> dict[str, type[ActionForm]]:
    """Return the actions for which the staff member has the permission."""
    user: Any = request.user
    return {
        name: form
        for name, form in ALL_ACTIONS.items()
        if user.has_perm(form.permission)
    }


def _action_form(
    request: HttpRequest, form: type[ActionForm], player: Any
) -> ActionForm:
    """Return the form with the data that was sent, or with the subject of the link."""
    if request.method == "POST":
        return form(player, request.POST)
    names = [name for name in (form.subject, "number") if name in request.GET]
    return form(player, initial={name: request.GET[name] for name in names})


@admin.register(ActivityTally)
class ActivityTallyAdmin(HistoryAdmin):
    list_display = ("user", "activity", "count", "last_recorded_at")
    list_select_related = ("user", "activity")


@admin.register(ActiveDay)
class ActiveDayAdmin(HistoryAdmin):
    list_display = ("user", "date", "kind", "activities", "xp")
    list_select_related = ("user",)
