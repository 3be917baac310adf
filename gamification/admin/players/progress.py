"""Progress: where users stand, to be read. It follows from history."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from gamification.admin.base import HistoryAdmin
from gamification.admin.players.actions import ACTS, Act, Done
from gamification.admin.players.ledger import read_cursor
from gamification.admin.players.page import explain, find_player, get_player_page
from gamification.models import ActiveDay, ActivityTally, UserGamification

_STYLES: Final = ["gamification/theme.css", "gamification/player.css"]


@admin.register(UserGamification)
class UserGamificationAdmin(HistoryAdmin):
    """Users' games: one page each, on which staff act."""

    list_display = (
        "user",
        "total_xp",
        "level",
        "current_streak",
        "longest_streak",
        "active_days",
        "last_active_on",
        "time_zone",
        "is_public",
    )
    list_select_related = ("user",)

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "gamification_usergamification"
        return [
            # By user, because who never did anything has no row.
            path("for/<str:user>/", view(self.game_view), name=f"{name}_for"),
            path("for/<str:user>/<str:act>/", view(self.act_view), name=f"{name}_act"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the game of the row's user. Nothing of it is edited."""
        if request.method == "POST":
            raise PermissionDenied
        row: Any = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return self.game_view(request, quote(str(row.user_id)))

    def game_view(self, request: HttpRequest, user: str) -> HttpResponse:
        """Show a user's game, whether they ever did anything or not."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        player = find_player(unquote(user))
        game = get_player_page(player, before=read_cursor(request.GET.get("before")))
        why = request.GET.get("why", "")
        allowed = self._allowed(request)
        context = {
            "game": game,
            "user_page": self._user_page(request, player),
            "acts": [act(player) for act in allowed.values()],
            "may": dict.fromkeys(allowed, True),
            "why": why,
            "answer": explain(player, why) if why else "",
        }
        return self._page(request, player, "game", context)

    def act_view(self, request: HttpRequest, user: str, act: str) -> HttpResponse:
        """Ask for what an act needs; do it once that is sent."""
        if act not in ACTS:
            raise Http404
        if not self.has_view_permission(request) or act not in self._allowed(request):
            raise PermissionDenied
        player = find_player(unquote(user))
        form = _form(request, ACTS[act], player)
        done = form.perform(request.user) if form.is_valid() else None
        if done is None:
            return self._page(request, player, "act", {"form": form})
        self._tell(request, player, form, done)
        key = quote(str(player.pk))
        return redirect(self.address_of("usergamification_for", key))

    def _allowed(self, request: HttpRequest) -> dict[str, type[Act]]:
        """Return the acts for which who asks has the permission."""
        user: Any = request.user
        return {
            name: act for name, act in ACTS.items() if user.has_perm(act.permission)
        }

    def _tell(self, request: HttpRequest, player: Any, form: Act, done: Done) -> None:
        """Say what was done, and write down who did it and why."""
        level = messages.SUCCESS if done.is_change else messages.INFO
        self.message_user(request, done.words, level)
        if done.is_change:
            values = {"words": done.words, "note": form.cleaned_data["note"]}
            message = _("%(words)s Note: %(note)s") % values
            actor: Any = request.user.pk
            rows = UserGamification.objects.filter(user=player).select_related("user")
            LogEntry.objects.log_actions(actor, rows, CHANGE, message)

    def _page(
        self, request: HttpRequest, player: Any, name: str, context: dict[str, Any]
    ) -> TemplateResponse:
        shared = {
            "media": Media(css={"all": _STYLES}),
            "title": _("A user's game"),
            "subtitle": str(player),
            "player": player,
            "player_key": quote(str(player.pk)),
            "original": player,
        }
        template = f"admin/gamification/usergamification/{name}.html"
        return self.own_page(request, template, shared | context)

    def _user_page(self, request: HttpRequest, player: Any) -> str:
        """Return the address of the site's own page of the user, if it may be seen."""
        model = type(player)
        if not self.admin_site.is_registered(model):
            return ""
        pages = self.admin_site.get_model_admin(model)
        if not pages.has_view_or_change_permission(request, player):
            return ""
        name = (
            f"{self.admin_site.name}:{model._meta.app_label}_{model._meta.model_name}"
        )
        return reverse(f"{name}_change", args=[quote(str(player.pk))])


def _form(request: HttpRequest, act: type[Act], player: Any) -> Act:
    """Return the form as it was sent, or with what the link knows already."""
    if request.method == "POST":
        return act(player, request.POST)
    return act(player, initial={act.subject: request.GET.get(act.subject)})


@admin.register(ActivityTally)
class ActivityTallyAdmin(HistoryAdmin):
    list_display = ("user", "activity", "count", "last_recorded_at")
    list_select_related = ("user", "activity")


@admin.register(ActiveDay)
class ActiveDayAdmin(HistoryAdmin):
    list_display = ("user", "date", "kind", "activities", "xp")
    list_select_related = ("user",)
