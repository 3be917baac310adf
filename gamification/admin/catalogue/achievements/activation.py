"""Messages about achievements that users meet already, or that nobody can reach."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from gamification.admin.base import GamificationAdmin
from gamification.admin.ui.formatting import isolate
from gamification.staff import DECISIVE, get_reach
from gamification.values import Reach


class ActivationMixin(GamificationAdmin):
    """Says after each edit how many users already meet the saved achievements."""

    def save_model(
        self, request: HttpRequest, obj: Model, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        if not change or DECISIVE & {*form.changed_data}:
            saved = vars(request).setdefault("decisive_edits", [])
            saved.append(form.instance.key)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        self._announce_edits(request)
        return response

    def changeform_view(self, request: HttpRequest, *args: Any) -> HttpResponse:
        response = super().changeform_view(request, *args)
        self._announce_edits(request)
        return response

    def _announce_edits(self, request: HttpRequest) -> None:
        if keys := vars(request).get("decisive_edits"):
            announce_reach(self, request, get_reach(keys))


def announce_reach(
    page: GamificationAdmin, request: HttpRequest, reaches: Iterable[Reach]
) -> None:
    """Say how many users already meet each achievement, and which nobody can reach."""
    for reach in reaches:
        if reach.problem:
            text = f"{isolate(reach.achievement.name)}: {reach.problem}"
            page.message_user(request, text, messages.WARNING)
        if reach.notice:
            address = page.address_of("achievement_backfill", reach.achievement.pk)
            link = '{} <a href="{}">{}</a>' if address else "{}"
            text = format_html(link, reach.notice, address, _("Preview a backfill"))
            page.message_user(request, text, messages.INFO)
