"""The deletion of users, whose history may have too many rows to list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import NestedObjects, quote
from django.db import router
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from gamification.admin.ui.formatting import format_number
from gamification.models import UserGamification

_APP: Final = UserGamification._meta.app_label


class _OtherObjects(NestedObjects):
    """Collects what Django would delete, except for the rows of this app."""

    def related_objects(
        self, related_model: type[Model], related_fields: Any, objs: Any
    ) -> QuerySet[Any]:
        rows = super().related_objects(related_model, related_fields, objs)
        return rows.none() if related_model._meta.app_label == _APP else rows


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deletion of users, as the admin asks for confirmation."""

    users: QuerySet[Any] | Sequence[Model]
    request: HttpRequest
    site: AdminSite
    #: The names of models that the staff member may not delete.
    forbidden: set[str] = field(default_factory=set)

    def summarize(self) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Return the same values as ``ModelAdmin.get_deleted_objects``.

        Rows of this app are counted, and not read.
        """
        if not self.users:
            return [], {}, set(), []
        alias = router.db_for_write(type(self.users[0]))
        others = _OtherObjects(alias, origin=self.users)
        others.collect(self.users)
        found: dict[Any, set[Model]] = others.model_objs
        counts = {
            str(model._meta.verbose_name_plural): len(rows)
            for model, rows in found.items()
        }
        to_delete, ours = others.nested(self._describe), dict(self._count_rows())
        if ours:
            rows = (f"{capfirst(name)}: {format_number(n)}" for name, n in ours.items())
            to_delete += [_("Gamification data"), sorted(rows)]
        protected = [self._describe(row) for row in others.protected]
        return to_delete, counts | ours, self.forbidden, protected

    def _count_rows(self) -> Iterator[tuple[str, int]]:
        """Yield the name of each model of this app with its number of rows."""
        relations: Iterable[Any] = self.users[0]._meta.related_objects
        for relation in relations:
            model, name = relation.related_model, relation.field.name
            if model._meta.app_label != _APP:
                continue
            rows = model._base_manager.using(router.db_for_write(model))
            if count := rows.filter(**{f"{name}__in": self.users}).count():
                self._check(model)
                yield str(model._meta.verbose_name_plural), count

    def _check(self, model: type[Model], row: Model | None = None) -> None:
        """Note ``model`` as forbidden if its admin does not allow deleting ``row``."""
        if self.site.is_registered(model):
            model_admin = self.site.get_model_admin(model)
            if not model_admin.has_delete_permission(self.request, row):
                self.forbidden.add(str(model._meta.verbose_name))

    def _describe(self, row: Model) -> str:
        """Return the kind and name of ``row``, with a link to its page if any."""
        self._check(type(row), row)
        opts = row._meta
        page = f"{self.site.name}:{opts.app_label}_{opts.model_name}_change"
        kind = capfirst(opts.verbose_name)
        try:
            address = reverse(page, args=[quote(row.pk)])
        except NoReverseMatch:
            return f"{kind}: {row}"
        return format_html('{}: <a href="{}">{}</a>', kind, address, row)
