"""Offers to retire what cannot be deleted, because users have it in their history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from gamification.admin.base import GamificationAdmin
from gamification.admin.ui.formatting import isolate


class RetirementMixin(GamificationAdmin):
    """Adds a button to the pages that refuse to delete a definition.

    Subclasses have the action ``retire_selected``.
    """

    delete_confirmation_template = "admin/gamification/catalogue/delete.html"
    delete_selected_confirmation_template = (
        "admin/gamification/catalogue/delete_selected.html"
    )
    #: The service function that edits a definition.
    edit: ClassVar[Callable[..., Any]]
    #: The values that retire a definition, by field.
    retired: ClassVar[Mapping[str, Any]]
    #: The offer on the pages, the text of its button, and the message afterwards.
    retire_offer: ClassVar[Any]
    retire_button: ClassVar[Any]
    retire_done: ClassVar[Any]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.retire_view)
        name = f"gamification_{self.opts.model_name}_retire"
        return [
            path("<path:object_id>/retire/", view, name=name),
            *super().get_urls(),
        ]

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        response = super().delete_view(request, object_id, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data:
            self._offer(request, response, [response.context_data["object"]])
        return response

    def retire_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Retire a definition."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        item: Any = self.get_object(request, unquote(object_id))
        if item is None:
            raise Http404
        self._retire(request, item)
        return redirect(self.address_of(f"{self.opts.model_name}_change", item.pk))

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        response = super().response_action(request, queryset, *args, **kwargs)
        if isinstance(response, TemplateResponse) and response.context_data:
            self._offer(request, response, queryset)
        return response

    def retire_all(self, request: HttpRequest, items: Iterable[Any]) -> None:
        """Retire these definitions, as the action ``retire_selected`` asks for."""
        for item in items:
            self._retire(request, item)

    def _offer(
        self, request: HttpRequest, response: TemplateResponse, items: Iterable[Any]
    ) -> None:
        """Let the page of a deletion offer to retire what it cannot delete."""
        may = self.has_change_permission(request)
        context: Any = response.context_data
        context["page"] = self
        context["may_retire"] = may and not all(map(self._is_retired, items))

    def _is_retired(self, item: Any) -> bool:
        return all(getattr(item, name) == self.retired[name] for name in self.retired)

    def _retire(self, request: HttpRequest, item: Any) -> None:
        if not self._is_retired(item):
            edit = type(self).edit
            edit(item.key, actor=request.user, expected=None, **self.retired)
        text = self.retire_done % {"name": isolate(item)}
        self.message_user(request, text, messages.SUCCESS)
