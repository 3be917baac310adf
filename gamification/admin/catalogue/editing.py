"""Editing and deletion, which the pages of activities and achievements share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final

from django.db import router
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from gamification.admin.base import GamificationAdmin
from gamification.admin.catalogue.definition_forms import (
    DefinitionForm,
    DefinitionFormSet,
    DefinitionRowForm,
)
from gamification.exceptions import InvalidDefinitionError
from gamification.models import (
    Achievement,
    Activity,
    LedgerEntry,
    UserAchievement,
    write_alias,
)
from gamification.models.rules.references import (
    achievements_naming,
    boosts_losing,
    choosing_any,
)
from gamification.staff import Definition, key_of, write_transaction

#: The name of the form field that holds the primary key of a row.
_ROW_KEY: Final = re.compile(r"form-[0-9]+-id")

#: The history that prevents a deletion. An index shows whether there is any.
_HISTORY: Final[dict[type[Definition], type[LedgerEntry | UserAchievement]]] = {
    Activity: LedgerEntry,
    Achievement: UserAchievement,
}


class CatalogueAdmin(GamificationAdmin):
    """Base of the pages that edit definitions, whose keys never change."""

    form = DefinitionForm
    #: The form of one row of the list.
    row_form = DefinitionRowForm
    search_fields: ClassVar[tuple[str, ...]] = ("key", "name")
    readonly_fields: ClassVar[tuple[str, ...]] = ("created_at", "updated_at")
    # A list sends about ten fields a row. Django accepts a thousand.
    list_max_show_all = GamificationAdmin.list_per_page

    #: The service functions that create and edit a definition.
    create: ClassVar[Callable[..., Model]]
    edit: ClassVar[Callable[..., Any]]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return (*self.readonly_fields, "key") if obj else self.readonly_fields

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{"form": self.row_form, **kwargs})

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        # Ignore more forms than a page can have.
        most = {"max_num": self.list_per_page, "absolute_max": self.list_per_page}
        options = {"formset": DefinitionFormSet, **most, **kwargs}
        return super().get_changelist_formset(request, **options)

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> dict[str, Sequence[str]]:
        return {} if obj else {"key": ("name",)}

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        # The verbs log what they do.
        return []

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return super().log_addition(request, obj, message) if message else None

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return super().log_change(request, obj, message) if message else None

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if "_save" not in request.POST:
            return super().changelist_view(request, extra_context)
        sent = request.POST.items()
        self.check_keys(str(key) for name, key in sent if _ROW_KEY.fullmatch(name))
        # Nobody may edit between the check for conflicts and the save.
        with write_transaction(write_alias()):
            response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse):
            _sort_rows_as_forms(response)
        return response

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        try:
            return self._save_form(request, object_id, form_url, extra_context)
        except InvalidDefinitionError:
            # Somebody else has just taken the key. This time, the form reports it.
            return self._save_form(request, object_id, form_url, extra_context)

    def _save_form(self, request: HttpRequest, *options: Any) -> HttpResponse:
        # Django reads before it writes.
        with write_transaction(write_alias()):
            return super().changeform_view(request, *options)

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "POST":
            return super().delete_view(request, object_id, extra_context)
        with write_transaction(write_alias()):
            return super().delete_view(request, object_id, extra_context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name what prevents a deletion; of history, without listing its rows."""
        if history := history_of(objs):
            return [*map(str, objs)], {}, set(), [history]
        if naming := [*_naming(objs)]:
            return [*map(str, objs)], {}, set(), naming
        return super().get_deleted_objects(objs, request)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        names = form.changed_data if change else {*form.cleaned_data} - {"tag"}
        values = {name: key_of(form.cleaned_data[name]) for name in names}
        if change:
            expected = form.cleaned_data["tag"]
            edit = type(self).edit
            edit(obj.key, actor=request.user, expected=expected, **values)
        else:
            obj.pk = type(self).create(actor=request.user, **values).pk


def _naming(definitions: Sequence[Definition] | QuerySet[Any]) -> Iterator[str]:
    """Yield each item of the catalogue that names one of ``definitions``, and how."""
    text = _("Achievement “%(name)s”, whose conditions name it")
    yield from (text % {"name": row} for row in achievements_naming(definitions))
    for row in choosing_any(definitions):
        kind = capfirst(row._meta.verbose_name)
        yield _("%(kind)s “%(name)s”, which chooses it") % {"kind": kind, "name": row}
    text = _("Boost “%(name)s”, whose conditions need its attributes")
    yield from (text % {"name": row} for row in boosts_losing(definitions))


def history_of(definitions: Sequence[Definition] | QuerySet[Any]) -> str:
    """Return the name of the history that ``definitions`` have, or an empty text."""
    if not definitions:
        return ""
    model = type(definitions[0])
    history = _HISTORY[model]
    rows = history._default_manager.using(router.db_for_write(history)).order_by()
    has_history = rows.filter(**{f"{model._meta.model_name}__in": definitions}).exists()
    return str(capfirst(history._meta.verbose_name_plural)) if has_history else ""


def _sort_rows_as_forms(response: TemplateResponse) -> None:
    """Put the rows of a list in the order of its forms.

    Django pairs the first form with the first row, but the order of the rows may have
    changed since the editor opened the list.
    """
    cl = (response.context_data or {})["cl"]
    rows = {row.pk: row for row in cl.result_list}
    items = [form.instance for form in cl.formset.forms]
    cl.result_list = [rows.get(item.pk, item) for item in items]
