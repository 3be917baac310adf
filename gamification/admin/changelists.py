"""Lists that stay fast with millions of rows and reject impossible queries."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import DataError, NotSupportedError
from django.db.models import QuerySet
from django.http import HttpRequest

#: The highest number of rows that a list counts, and that staff can page through.
MAX_ROWS: Final = 5_000

#: The values that each part of a date hierarchy accepts.
_DATE_PARTS: Final = {
    "year": range(1970, 3000),
    "month": range(1, 13),
    "day": range(1, 32),
}


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """A paginator that stops counting at ``MAX_ROWS``."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:MAX_ROWS].count()


class FilteredChangeList(ChangeList):
    """A list that treats a filter that the database rejects as an invalid lookup."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except (DataError, NotSupportedError, OverflowError, ValueError) as error:
            raise IncorrectLookupParameters from error


class BoundedChangeList(FilteredChangeList):
    """A list that can be sorted only in the order of its index."""

    def get_filters(self, request: HttpRequest) -> Any:
        has_wider_part = True
        for part, valid in _DATE_PARTS.items():
            value = self.params.get(f"{self.date_hierarchy}__{part}")
            if value is not None and not (has_wider_part and _is_one_of(valid, value)):
                raise IncorrectLookupParameters
            # A month needs a year, and a day needs a month.
            has_wider_part = value is not None
        return super().get_filters(request)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return [*(self.model_admin.ordering or ())]

    def get_ordering_field_columns(self) -> dict[int, Any]:
        return {}


def _is_one_of(valid: range, text: str) -> bool:
    return text.isdecimal() and int(text[:5]) in valid
