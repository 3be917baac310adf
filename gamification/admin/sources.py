"""Links from sources, such as ``visions.kpi:42``, to the pages of these objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from gamification.models import LedgerEntry


class SourceLinks:
    """The pages of objects that a staff member may open on an admin site.

    It reads none of the objects: a link may lead to one that was deleted.
    """

    def __init__(self, site: AdminSite, request: HttpRequest) -> None:
        self._site = site
        self._request = request
        #: The names of the models' pages by the labels of models; empty without one.
        self._pages: dict[str, str] = {}

    def mark(self, entries: Iterable[LedgerEntry]) -> None:
        """Give each entry the attribute ``source_page``, an address or an empty text.

        The number of queries does not depend on the number of entries.
        """
        for entry in entries:
            entry.source_page = self.address_of(entry.source)  # type: ignore[attr-defined]

    def address_of(self, source: str) -> str:
        """Return the address of the page of the object; empty if there is none."""
        label, _colon, key = source.partition(":")
        if not key:
            return ""
        if label not in self._pages:
            self._pages[label] = self._page_of(label)
        page = self._pages[label]
        try:
            return reverse(page, args=[quote(key)]) if page else ""
        except NoReverseMatch:
            return ""

    def _page_of(self, label: str) -> str:
        try:
            model: type[Model] = apps.get_model(label)
        except (LookupError, ValueError):
            return ""
        if not self._site.is_registered(model):
            return ""
        model_admin: Any = self._site.get_model_admin(model)
        if not model_admin.has_view_or_change_permission(self._request):
            return ""
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        return f"{self._site.name}:{name}_change"


def source_html(entry: LedgerEntry) -> str:
    """Return the entry's source, with a link if the entry is marked with a page."""
    page = getattr(entry, "source_page", "")
    template = '<a href="{1}"><bdi>{0}</bdi></a>' if page else "<bdi>{0}</bdi>"
    return format_html(template, entry.source, page) if entry.source else ""
