"""Exports lists as CSV files that are safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import json
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

#: The highest number of rows in a file.
MAX_ROWS: Final = 100_000
#: The number of rows that are read and sent at a time.
_CHUNK: Final = 1_000

#: The columns of JSON that people can read.
_DOCUMENTS: Final = frozenset({"attributes"})

#: Finds the places where a spreadsheet might begin a formula: the start of a cell, and
#: the characters after a separator at which some spreadsheets split a line.
_FORMULA: Final = re.compile(r'^(?=[\t\r\n])|(^|[,;\t\r\n]"*)(?=[=+\-@＝＋－＠])')


@admin.action(permissions=["view"], description=gettext_lazy("Export as CSV"))
def export_as_csv(
    page: ModelAdmin, request: HttpRequest, queryset: QuerySet[Model]
) -> StreamingHttpResponse | None:
    """Send all rows, or none and a message if there are too many for one file."""
    keys = [*queryset.values_list("pk", flat=True)[: MAX_ROWS + 1]]
    if len(keys) > MAX_ROWS:
        message = _(
            "More than %(most)s rows are selected. Filter or search for fewer rows."
        )
        page.message_user(request, message % {"most": f"{MAX_ROWS:,}"}, messages.ERROR)
        return None
    name = f"{queryset.model._meta.model_name}-{timezone.localdate()}.csv"
    return StreamingHttpResponse(
        _chunks(queryset, keys),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def as_cell(value: object) -> int | str:
    """Return ``value`` as a cell that no spreadsheet reads as a formula.

    Numbers keep their sign. An apostrophe precedes any other text that looks like the
    beginning of a formula.
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
        case dict():
            value = json.dumps(value, ensure_ascii=False, sort_keys=True)
        case Activity() | Achievement():
            value = value.key
    return _FORMULA.sub(r"\1'", str(value).replace("\0", "\ufffd"))


def _chunks(queryset: QuerySet[Model], keys: Sequence[Any]) -> Iterator[bytes]:
    # Without the byte order mark, spreadsheets do not recognize UTF-8.
    columns = _columns(queryset.model)
    yield "\ufeff".encode() + _csv([columns])
    rows = _with_related(queryset.model._default_manager.using(queryset.db))
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        found = rows.in_bulk(chunk)
        yield _csv(
            [getattr(found[key], column) for column in columns]
            for key in chunk
            if key in found
        )


def _with_related(rows: QuerySet[Model]) -> QuerySet[Model]:
    fields = rows.model._meta.concrete_fields
    related = [field.name for field in fields if field.is_relation]
    return rows.select_related(*related) if related else rows


def _columns(model: type[Model]) -> list[str]:
    """Return the columns: all fields but most JSON, and the names of users."""
    columns = []
    for field in model._meta.concrete_fields:
        if field.related_model is get_user_model():
            columns.append(field.attname)
        if not isinstance(field, JSONField) or field.name in _DOCUMENTS:
            columns.append(field.name)
    return columns


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows([as_cell(value) for value in row] for row in rows)
    return text.getvalue().encode(errors="replace")
