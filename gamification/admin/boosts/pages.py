"""The pages on which staff define boosts."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.boosts.filters import StateFilter
from gamification.admin.boosts.forms import BoostForm
from gamification.admin.catalogue.editing import CatalogueAdmin
from gamification.admin.catalogue.undoing import UndoMixin
from gamification.exceptions import GamificationError
from gamification.models import Boost
from gamification.models.texts.boosts import factor_text, where_text
from gamification.staff import (
    create_boost,
    delete_boost,
    edit_boost,
    end_boost,
    is_boost_used,
)
from gamification.values import BoostState

_FIELDS: Final = (
    "name",
    "description",
    "factor",
    "zone",
    "starts_at",
    "activities",
    "where",
    "group",
    "boosts_achievements",
    "boosts_adjustments",
    "boosts_imports",
    "is_active",
)


@admin.register(Boost)
class BoostAdmin(UndoMixin, CatalogueAdmin):
    form = BoostForm
    create = create_boost
    edit = edit_boost
    list_display = ("name", "key", "times", "state", "start", "end", "clock", "whom")
    list_filter = (StateFilter, "is_active")
    list_select_related = ("group",)
    ordering = ("-starts_at", "key")
    fieldsets = (
        (None, {"fields": ("name", "key", "description")}),
        (
            gettext_lazy("How much, and when"),
            {"fields": ("factor", "zone", "starts_at", "ends_at")},
        ),
        (
            gettext_lazy("Activities and users"),
            {"fields": ("activities", "where", "group")},
        ),
        (
            gettext_lazy("Besides records"),
            {
                "fields": (
                    "boosts_achievements",
                    "boosts_adjustments",
                    "boosts_imports",
                )
            },
        ),
        (gettext_lazy("Options"), {"fields": ("is_active",)}),
        (
            gettext_lazy("Dates"),
            {"fields": ("created_at", "updated_at"), "classes": ("collapse",)},
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.end_view)
        route = path("<int:pk>/end/", view, name="gamification_boost_end")
        return [route, *super().get_urls()]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        fields = super().get_readonly_fields(request, obj)
        has_begun = isinstance(obj, Boost) and obj.state != BoostState.PLANNED
        return (*fields, *_FIELDS) if has_begun else fields

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and not self._is_over(obj)

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        is_used = isinstance(obj, Boost) and is_boost_used(obj)
        return super().has_delete_permission(request, obj) and not is_used

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        used = [each for each in objs if is_boost_used(each)]
        protected = [_("Ledger entries of “%(name)s”") % {"name": u} for u in used]
        return [*map(str, objs)], {}, set(), protected

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_boost(obj.key, actor=_actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        actor, values = _actor(request), form.values()
        if change:
            expected = form.cleaned_data["tag"]
            edit_boost(obj.key, actor=actor, expected=expected, **values)
        else:
            obj.pk = create_boost(actor=actor, key=obj.key, **values).pk

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any
    ) -> HttpResponse:
        if request.method == "POST" and object_id:
            item: Any = self.get_object(request, unquote(object_id))
            if super().has_change_permission(request) and self._is_over(item):
                return self._say_over(request, item)
        return super().changeform_view(request, object_id, *args)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        form, item = context["adminform"].form, context.get("original")
        if getattr(form, "is_preview", False) and not form.errors:
            context["preview"] = form.preview()
        if item is not None and item.state == BoostState.RUNNING:
            context["is_running"] = self.has_change_permission(request, item)
        return super().render_change_form(request, context, *args, **kwargs)

    def end_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a running boost now."""
        item: Any = self.get_object(request, str(pk))
        if item is None or not super().has_change_permission(request):
            raise PermissionDenied
        if self._is_over(item):
            return self._say_over(request, item)
        if request.method == "POST":
            return self._end(request, item)
        context = {"title": _("End now"), "subtitle": str(item), "item": item}
        return self.render_page(request, "admin/gamification/boost/end.html", context)

    def _end(self, request: HttpRequest, item: Any) -> HttpResponse:
        try:
            end_boost(item.key, actor=_actor(request))
        except GamificationError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            text = _("“%(name)s” has ended. Users keep what they earned.")
            self.message_user(request, text % {"name": item}, messages.SUCCESS)
        return redirect(self.address_of("boost_change", item.pk))

    def _say_over(self, request: HttpRequest, item: Any) -> HttpResponse:
        """Show a boost that had ended before staff sent the form."""
        text = _("“%(name)s” is over, so nothing was changed.") % {"name": item}
        self.message_user(request, text, messages.WARNING)
        return redirect(self.address_of("boost_change", item.pk))

    def _is_over(self, item: Model | None) -> bool:
        return isinstance(item, Boost) and item.state == BoostState.OVER

    @admin.display(description=gettext_lazy("factor"), ordering="factor")
    def times(self, row: Boost) -> str:
        return f"× {factor_text(row.factor)}"

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: Boost) -> str:
        label = str(row.state.label)
        # One that is over cannot be switched on again.
        return (
            label if row.is_active else _("%(state)s, switched off") % {"state": label}
        )

    @admin.display(description=gettext_lazy("from"), ordering="starts_at")
    def start(self, row: Boost) -> str:
        return date_format(row.shown(row.starts_at), "SHORT_DATETIME_FORMAT")

    @admin.display(description=gettext_lazy("to"), ordering="ends_at")
    def end(self, row: Boost) -> str:
        return date_format(row.shown(row.ends_at), "SHORT_DATETIME_FORMAT")

    @admin.display(description=gettext_lazy("clock"))
    def clock(self, row: Boost) -> str:
        return row.zone or _("each user’s own")

    @admin.display(description=gettext_lazy("what and for whom"))
    def whom(self, row: Boost) -> str:
        parts = [", ".join(row.activities), where_text(row.where)]
        parts.append(str(row.group) if row.group else "")
        return " · ".join(filter(None, parts)) or _("everything, everybody")


def _actor(request: HttpRequest) -> Any:
    return request.user
