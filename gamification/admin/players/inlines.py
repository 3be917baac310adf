"""A user's progress on the site's own admin page of that user."""

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
from gamification.admin.ui.formatting import format_number
from gamification.models import UserGamification
from gamification.services import ProfileSummary, get_progress
from gamification.staff import user_id_of

if TYPE_CHECKING:
    Inline = admin.StackedInline[UserGamification, Model]
    FormSet = BaseInlineFormSet[UserGamification, Model, Any]
    UserAdmin = admin.ModelAdmin[Model]
else:
    Inline, FormSet, UserAdmin = admin.StackedInline, BaseInlineFormSet, object


class SummaryFormSet(FormSet):
    """Has the progress of a user, who may have no row yet, instead of forms."""

    @property
    def _user(self) -> Any:
        return self.instance

    @cached_property
    def progress(self) -> ProfileSummary:
        """The progress of the user, read in one query."""
        return get_progress(self._user)

    def total_xp(self) -> str:
        return format_number(self.progress.level.total_xp)

    def key(self) -> str:
        """Return the primary key of the user, quoted for an address."""
        return quote(str(user_id_of(self._user)))


class GamificationInline(Inline):
    """Shows the level, XP, streak and achievements of a user, and links to their page.

    Use it in the admin of any user model: ``inlines = [GamificationInline]``.
    """

    model = UserGamification
    formset = SummaryFormSet
    fk_name = "user"
    template = "gamification/admin/inline.html"
    verbose_name_plural = _("gamification")
    fields = ()
    extra = max_num = 0
    can_delete = False

    class Media:
        styles = ("gamification/theme.css", "gamification/player.css")
        css = {"all": styles}  # noqa: RUF012 - as Django has it

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserGamification]:
        # The template reads the progress, and no row.
        return super().get_queryset(request).none()

    def has_view_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        # The page that adds a user has no progress to show.
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
    """Adds the inline, and makes users with a long history deletable.

    Put it before the base: ``class UserAdmin(GamificationUserAdminMixin, …)``.
    """

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[Any]:
        inlines = [*super().get_inlines(request, obj)]
        return [*inlines, *{GamificationInline}.difference(inlines)]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Count the rows that are deleted, instead of listing thousands."""
        return Deletion(objs, request, self.admin_site).summarize()
