"""A user's game on the site's own page of that user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model, QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from gamification.admin.players.deletion import Deletion
from gamification.admin.ui.charts import spelled
from gamification.models import UserGamification
from gamification.services import (
    ProfileSummary,
    get_progress,
)

if TYPE_CHECKING:
    Inline = admin.StackedInline[UserGamification, Model]
    FormSet = BaseInlineFormSet[UserGamification, Model, Any]
    UserAdmin = admin.ModelAdmin[Model]
else:
    Inline, FormSet, UserAdmin = admin.StackedInline, BaseInlineFormSet, object


class PanelFormSet(FormSet):
    """No forms, but what the panel shows of the user. Users may have no row."""

    @cached_property
    def progress(self) -> ProfileSummary:
        """Where the user stands, in one query."""
        return get_progress(self.instance.pk)

    def total_xp(self) -> str:
        return spelled(self.progress.level.total_xp)

    def key(self) -> str:
        """Return the user's primary key as addresses have it."""
        return quote(str(self.instance.pk))


class GamificationInline(Inline):
    """Where a user stands, to be read, with a link to their game.

    For the admin of any user model: ``inlines = [GamificationInline]``.
    """

    model = UserGamification
    formset = PanelFormSet
    fk_name = "user"
    template = "gamification/admin/panel.html"
    verbose_name_plural = _("game")
    fields = ()
    extra = max_num = 0
    can_delete = False

    class Media:
        styles = ("gamification/theme.css", "gamification/player.css")
        css = {"all": styles}  # noqa: RUF012 - as Django has it

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserGamification]:
        # The panel reads in its own way.
        return super().get_queryset(request).none()

    def has_view_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        # A user who is only just made has no game.
        return obj is not None and super().has_view_permission(request, obj)

    def has_add_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False


class GamificationUserAdminMixin(UserAdmin):
    """For the admin of any user model: the panel, and deletion of long histories.

    Put it before the other base: ``class UserAdmin(GamificationUserAdminMixin, …)``.
    """

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[Any]:
        inlines = [*super().get_inlines(request, obj)]
        return [*inlines, *{GamificationInline}.difference(inlines)]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Tell how much of the game goes, not each entry of thousands."""
        return Deletion(objs, request, self.admin_site).described()
