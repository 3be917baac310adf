"""Undoes the last edit of an activity or achievement, from its history."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from gamification.admin.base import GamificationAdmin
from gamification.admin.catalogue.achievements.activation import announce_reach
from gamification.admin.catalogue.change_log import (
    RELATED,
    LoggedEdit,
    describe_undoing,
    find_edit,
    latest_edit,
)
from gamification.admin.concurrent_forms import conflict_message, last_editor
from gamification.admin.ui.formatting import isolate
from gamification.exceptions import InvalidDefinitionError, StaleEditError
from gamification.models import Achievement, Boost
from gamification.staff import (
    DECISIVE,
    check_boost,
    get_reach,
    preview_backfill,
    reach_problem,
    undo_boost_edit,
    undo_edit,
    visible_users,
)


class UndoMixin(GamificationAdmin):
    """Adds a button to the history of a definition."""

    object_history_template = "admin/gamification/catalogue/object_history.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.undo_view)
        name = f"gamification_{self.opts.model_name}_undo"
        return [
            path("<path:object_id>/undo/<int:entry_id>/", view, name=name),
            *super().get_urls(),
        ]

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        item: Any = self.get_object(request, unquote(object_id))
        context = {**(extra_context or {})}
        if item is not None and self.has_change_permission(request):
            edit = latest_edit(item)
            if edit and edit.is_latest(item):
                context["edit"] = edit
                context["undoing"] = describe_undoing(item, edit.before)
                context["refusal"] = _refusal(item, edit.before)
            elif edit:
                context["is_overtaken"] = True
        return super().history_view(request, object_id, context)

    def undo_view(
        self, request: HttpRequest, object_id: str, entry_id: int
    ) -> HttpResponse:
        """Undo an edit, if nothing was changed after it.

        Where that changes what users get, the page first shows a preview.
        """
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        item: Any = self.get_object(request, unquote(object_id))
        edit = find_edit(item, entry_id) if item is not None else None
        if edit is None:
            raise Http404
        is_decisive = isinstance(item, Achievement) and DECISIVE & {*edit.before}
        if is_decisive and edit.is_latest(item) and "_confirmed" not in request.POST:
            return self._preview_undo(request, item, edit)
        if self._undo(request, item, edit) and is_decisive:
            announce_reach(self, request, get_reach([item.key]))
        return redirect(self.address_of(f"{self.opts.model_name}_history", item.pk))

    def _preview_undo(
        self, request: HttpRequest, item: Achievement, edit: LoggedEdit
    ) -> HttpResponse:
        undone = copy(item)
        for name, value in edit.before.items():
            setattr(undone, name, _logged(name, value))
        preview = preview_backfill(undone)
        context = {
            "title": _("Undo a change"),
            "subtitle": str(item),
            "original": item,
            "undoing": describe_undoing(item, edit.before),
            "previewed": undone,
            "preview": preview,
            "sample": visible_users(preview.sample, request.user),
            "problem": reach_problem(undone),
        }
        template = "admin/gamification/achievement/undo.html"
        return self.render_page(request, template, context)

    def _undo(self, request: HttpRequest, item: Any, edit: LoggedEdit) -> bool:
        """Undo the edit, and say so; return False if it is refused."""
        texts = describe_undoing(item, edit.before)
        actor: Any = request.user
        try:
            if isinstance(item, Boost):
                undo_boost_edit(item.key, edit.before, actor=actor, expected=edit.tag)
            else:
                undo_edit(item, edit.before, actor=actor, expected=edit.tag)
        except StaleEditError:
            text = conflict_message(f"“{isolate(item)}”", last_editor(item))
            self.message_user(request, text, messages.ERROR)
            return False
        except InvalidDefinitionError as error:
            self.message_user(request, str(error), messages.ERROR)
            return False
        changes = {"changes": "; ".join(texts)}
        text = _("The change was undone: %(changes)s.") % changes
        self.message_user(request, text, messages.SUCCESS)
        return True


def _refusal(item: Any, before: Mapping[str, Any]) -> str:
    """Return why a boost cannot get these values back; empty if it can."""
    if not isinstance(item, Boost):
        return ""
    try:
        check_boost(item.key, **before)
    except InvalidDefinitionError as error:
        texts = (text for reasons in error.errors.values() for _code, text in reasons)
        return " ".join(dict.fromkeys(texts))
    return ""


def _logged(name: str, value: Any) -> Any:
    """Return the value of a field of an achievement, as the log has it in JSON.

    The log has the key of a related item, and times as texts.
    """
    if name in RELATED and value is not None:
        return RELATED[name]._default_manager.filter(key=value).first()
    field: Any = Achievement._meta.get_field(name)
    return field.to_python(value)
