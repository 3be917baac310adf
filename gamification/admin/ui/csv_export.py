"""Lists as CSV, to be opened in a spreadsheet without fear."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from io import StringIO
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import JSONField, Model, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.models import Achievement, Activity

if TYPE_CHECKING:
    ModelAdmin: TypeAlias = admin.ModelAdmin[Model]

#: The most rows of a file.
MOST: Final = 100_000
#: Rows that are read, and sent, at once.
_CHUNK: Final = 1_000

#: Before this, a spreadsheet begins a formula: at the start of a cell, and behind what
#: many of them split a line at, whatever quotes stand around it.
_FORMULA: Final = re.compile(r'^(?=[\t\r\n])|(^|[,;\t\r\n]"*)(?=[=+\-@＝＋－＠])')


@admin.action(permissions=["view"], description=gettext_lazy("Export as CSV"))
def export_as_csv(
    page: ModelAdmin, request: HttpRequest, queryset: QuerySet[Model]
) -> StreamingHttpResponse | None:
    """Send the rows, as many as there are: part of them would look like all."""
    keys = [*queryset.values_list("pk", flat=True)[: MOST + 1]]
    if len(keys) > MOST:
        message = _("These are more than %(most)s rows: filter or search for fewer.")
        page.message_user(request, message % {"most": f"{MOST:,}"}, messages.ERROR)
        return None
    name = f"{queryset.model._meta.model_name}-{timezone.localdate()}.csv"
    return StreamingHttpResponse(
        _chunks(queryset, keys),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def as_cell(value: object) -> int | str:
    """Return ``value`` for a cell that a spreadsheet never takes for a formula.

    Numbers stay numbers, with their sign; an apostrophe stands before anything else
    that begins like a formula.
    """
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case int():
            return value
        case date():
            return value.isoformat()
        case Activity() | Achievement():
            value = value.key
    return _FORMULA.sub(r"\1'", str(value).replace("\0", "\ufffd"))


def _chunks(queryset: QuerySet[Model], keys: Sequence[Any]) -> Iterator[bytes]:
    # Without the mark, csv_export do not know that it is UTF-8.
    columns = _columns(queryset.model)
    yield "\ufeff".encode() + _written([columns])
    rows = _with_related(queryset.model._default_manager.using(queryset.db))
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        found = rows.in_bulk(chunk)
        yield _written(
            [getattr(found[key], column) for column in columns]
            for key in chunk
            if key in found
        )


def _with_related(rows: QuerySet[Model]) -> QuerySet[Model]:
    fields = rows.model._meta.concrete_fields
    related = [field.name for field in fields if field.is_relation]
    return rows.select_related(*related) if related else rows


def _columns(model: type[Model]) -> list[str]:
    """Return what is written of a row: what is stored, and how its users are called."""
    columns = []
    for field in model._meta.concrete_fields:
        if field.related_model is get_user_model():
            columns.append(field.attname)
        if not isinstance(field, JSONField):
            columns.append(field.name)
    return columns


def _written(rows: Iterable[Sequence[Any]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows([as_cell(value) for value in row] for row in rows)
    return text.getvalue().encode(errors="replace")
