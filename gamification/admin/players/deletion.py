"""What goes with a user, and what keeps an item: the game may be a lot of rows."""

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

from gamification.admin.ui.charts import spelled
from gamification.models import (
    Achievement,
    Activity,
    LedgerEntry,
    UserAchievement,
    UserGamification,
)
from gamification.staff import (
    Definition,
)

#: What is there as soon as there is any history of an item; an index finds it.
_HISTORY: Final[dict[type[Definition], type[LedgerEntry | UserAchievement]]] = {
    Activity: LedgerEntry,
    Achievement: UserAchievement,
}

_APP: Final = UserGamification._meta.app_label


class _Others(NestedObjects):
    """Collects what Django would, without the rows of the game."""

    def related_objects(
        self, related_model: type[Model], related_fields: Any, objs: Any
    ) -> QuerySet[Any]:
        rows = super().related_objects(related_model, related_fields, objs)
        return rows.none() if related_model._meta.app_label == _APP else rows


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deletion of users, before it is confirmed."""

    users: QuerySet[Any] | Sequence[Model]
    request: HttpRequest
    site: AdminSite
    #: What the one who asks may not delete.
    lacking: set[str] = field(default_factory=set)

    def described(self) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Return what ``ModelAdmin.get_deleted_objects`` does.

        Nothing of the game is read but how much of it there is.
        """
        if not self.users:
            return [], {}, set(), []
        alias = router.db_for_write(type(self.users[0]))
        others = _Others(alias, origin=self.users)
        others.collect(self.users)
        found: dict[Any, set[Model]] = others.model_objs
        counts = {
            str(model._meta.verbose_name_plural): len(rows)
            for model, rows in found.items()
        }
        to_delete, game = others.nested(self._named), dict(self._game())
        if game:
            rows = [f"{capfirst(name)}: {spelled(n)}" for name, n in game.items()]
            to_delete += [_("The game"), rows]
        protected = [self._named(row) for row in others.protected]
        return to_delete, counts | game, self.lacking, protected

    def _game(self) -> Iterator[tuple[str, int]]:
        """Yield each table of the game with how many of its rows are the users'."""
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
        """Note ``model`` if the site has pages of it that forbid to delete ``row``."""
        if self.site.is_registered(model):
            pages = self.site.get_model_admin(model)
            if not pages.has_delete_permission(self.request, row):
                self.lacking.add(str(model._meta.verbose_name))

    def _named(self, row: Model) -> str:
        """Return what ``row`` is, with a link to its page where it has one."""
        self._check(type(row), row)
        opts = row._meta
        page = f"{self.site.name}:{opts.app_label}_{opts.model_name}_change"
        kind = capfirst(opts.verbose_name)
        try:
            address = reverse(page, args=[quote(row.pk)])
        except NoReverseMatch:
            return f"{kind}: {row}"
        return format_html('{}: <a href="{}">{}</a>', kind, address, row)


def history_of(items: Sequence[Definition] | QuerySet[Any]) -> str:
    """Return what the history is called that keeps ``items``; nothing without any."""
    if not items:
        return ""
    model = type(items[0])
    history = _HISTORY[model]
    rows = history._default_manager.using(router.db_for_write(history)).order_by()
    is_kept = rows.filter(**{f"{model._meta.model_name}__in": items}).exists()
    return str(capfirst(history._meta.verbose_name_plural)) if is_kept else ""
