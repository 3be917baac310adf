"""What the pages of activities and achievements share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, Final

from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from gamification.admin.catalogue.concurrent_forms import (
    SharedFormSet,
    SharedItemForm,
    SharedRowForm,
)
from gamification.admin.catalogue.files import DefinitionsAdmin
from gamification.admin.players.deletion import history_of
from gamification.exceptions import InvalidDefinitionError
from gamification.models import (
    write_alias,
)

#: The field of a list that has the key of a row.
_ROW: Final = re.compile(r"form-[0-9]+-id")


class CatalogueAdmin(DefinitionsAdmin):
    """Items have a key that is chosen once, and are edited by several people."""

    form = SharedItemForm
    #: The form of an item in the list.
    row_form = SharedRowForm
    search_fields: ClassVar[tuple[str, ...]] = ("key", "name")
    readonly_fields: ClassVar[tuple[str, ...]] = ("created_at", "updated_at")
    # A page sends ten fields a row, and Django takes a thousand.
    list_max_show_all = DefinitionsAdmin.list_per_page

    #: The verbs that write.
    create: ClassVar[Callable[..., Model]]
    edit: ClassVar[Callable[..., Model]]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return (*self.readonly_fields, "key") if obj else self.readonly_fields

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{"form": self.row_form, **kwargs})

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        # No page has more rows, whatever is sent.
        most = {"max_num": self.list_per_page, "absolute_max": self.list_per_page}
        options = {"formset": SharedFormSet, **most, **kwargs}
        return super().get_changelist_formset(request, **options)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if "_save" not in request.POST:
            return super().changelist_view(request, extra_context)
        sent = request.POST.items()
        self.check_keys(str(key) for name, key in sent if _ROW.fullmatch(name))
        # What is compared with what an editor was shown stays so until it is saved.
        with transaction.atomic(using=write_alias()):
            response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse):
            _put_in_order_of_forms(response)
        return response

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        options = (request, object_id, form_url, extra_context)
        try:
            return super().changeform_view(*options)
        except InvalidDefinitionError:
            # Somebody else took the key a moment ago, and now the form finds it taken.
            return super().changeform_view(*options)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the history that keeps an item, not each of its millions of rows."""
        if history := history_of(objs):
            return [*map(str, objs)], {}, set(), [history]
        return super().get_deleted_objects(objs, request)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        names = form.changed_data if change else {*form.cleaned_data} - {"tag"}
        values = {name: form.cleaned_data[name] for name in names}
        if activity := values.get("activity"):
            values["activity"] = activity.key
        if change:
            expected = form.cleaned_data["tag"]
            type(self).edit(obj.key, actor=request.user, expected=expected, **values)
        else:
            obj.pk = type(self).create(actor=request.user, **values).pk


def _put_in_order_of_forms(response: TemplateResponse) -> None:
    """Show each form of a list in the row that it is of.

    Django shows the first form in the first row, and the order of the rows may have
    changed since the forms were made.
    """
    cl = (response.context_data or {})["cl"]
    rows = {row.pk: row for row in cl.result_list}
    items = [form.instance for form in cl.formset.forms]
    cl.result_list = [rows.get(item.pk, item) for item in items]
