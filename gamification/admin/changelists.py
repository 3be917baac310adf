"""Lists that bear any address, and millions of rows: no page takes longer for more."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import DataError, NotSupportedError
from django.db.models import QuerySet
from django.http import HttpRequest

#: Rows that are counted, and can be paged through, at the most.
MOST: Final = 5_000

#: What a list can be asked for of its dates.
_DATES: Final = {
    "year": range(1970, 3000),
    "month": range(1, 13),
    "day": range(1, 32),
}


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no more rows than anybody pages through."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:MOST].count()


class FilteredChangeList(ChangeList):
    """A list that is not asked for what no row can have."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except (DataError, NotSupportedError, OverflowError, ValueError) as error:
            raise IncorrectLookupParameters from error


class BoundedChangeList(FilteredChangeList):
    """A list in the one order that an index gives."""

    def get_filters(self, request: HttpRequest) -> Any:
        is_within = True
        for part, known in _DATES.items():
            asked = self.params.get(f"{self.date_hierarchy}__{part}")
            if asked is not None and not (is_within and _is_one_of(known, asked)):
                raise IncorrectLookupParameters
            # A month is one of a year, and a day one of a month.
            is_within = asked is not None
        return super().get_filters(request)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return [*(self.model_admin.ordering or ())]

    def get_ordering_field_columns(self) -> dict[int, Any]:
        return {}


def _is_one_of(known: range, text: str) -> bool:
    return text.isdecimal() and int(text[:5]) in known
