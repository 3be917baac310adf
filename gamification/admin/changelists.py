"""Lists that stay fast with millions of rows and reject impossible queries."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any, Final

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.paginator import Paginator
from django.db import DataError, NotSupportedError
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from gamification.admin.ui.formatting import format_number

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
        return min(self._counted, MAX_ROWS)

    @property
    def has_more(self) -> bool:
        """Whether there are more rows than it counts."""
        return self._counted > MAX_ROWS

    @cached_property
    def _counted(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: MAX_ROWS + 1].count()


class FilteredChangeList(ChangeList):
    """A list that treats a filter that the database rejects as an invalid lookup."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except (DataError, NotSupportedError, OverflowError, ValueError) as error:
            raise IncorrectLookupParameters from error


class BoundedChangeList(FilteredChangeList):
    """A list that is counted up to a limit, and sorted only where indexes help."""

    def get_filters(self, request: HttpRequest) -> Any:
        has_wider_part = True
        for part, valid in _DATE_PARTS.items():
            value = self.params.get(f"{self.date_hierarchy}__{part}")
            if value is not None and not (has_wider_part and _is_one_of(valid, value)):
                raise IncorrectLookupParameters
            # A month needs a year, and a day needs a month.
            has_wider_part = value is not None
        return super().get_filters(request)

    def get_queryset(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> QuerySet[Any]:
        rows = super().get_queryset(request, *args, **kwargs)
        names = [f"{self.date_hierarchy}__{part}" for part in _DATE_PARTS]
        chosen = {name: self.params[name] for name in names if name in self.params}
        if chosen:
            # Django would replace the chosen dates by times, which no date can have.
            cleared = QueryDict(self.clear_all_filters_qs.removeprefix("?")).copy()
            for bound in ("gte", "lt"):
                cleared.pop(f"{self.date_hierarchy}__{bound}", None)
            cleared.update(chosen)
            self.clear_all_filters_qs = f"?{cleared.urlencode()}"
        return rows

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.paginator.has_more:
            # The search form would show this number.
            self.full_result_count = self.result_count

    @property
    def counted(self) -> BoundedChangeList:
        """The list; a text replaces its number of rows if there are too many to count.

        Templates of the admin show the number wherever they are given the list.
        """
        return self._telling(_("More than %(limit)s"))

    @property
    def selectable(self) -> BoundedChangeList:
        """The same for the link that selects all rows."""
        return self._telling(_("(more than %(limit)s)"))

    @property
    def all_selected(self) -> str:
        """The text for a selection of all rows, if they are not counted."""
        if not self.paginator.has_more:
            return ""
        limit = {"limit": format_number(MAX_ROWS)}
        return _("All selected: more than %(limit)s") % limit

    def _telling(self, text: str) -> BoundedChangeList:
        if not self.paginator.has_more:
            return self
        told: Any = copy(self)
        told.result_count = text % {"limit": format_number(MAX_ROWS)}
        return told  # type: ignore[no-any-return]

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        chosen = self.get_ordering_field_columns()
        for column, direction in chosen.items():
            fields = self._orders[str(self.list_display[column])]
            sign = "-" if direction == "desc" else ""
            return [f"{sign}{field}" for field in fields]
        return [*self.model_admin.get_ordering(request)]

    def get_ordering_field_columns(self) -> dict[int, Any]:
        """Return the column that the list is sorted by, if somebody chose one."""
        first = str(self.params.get(ORDER_VAR, "")).partition(".")[0]
        number = first.removeprefix("-")
        if not _is_one_of(range(len(self.list_display)), number):
            return {}
        column = int(number)
        if self.list_display[column] not in self._orders:
            return {}
        return {column: "desc" if first.startswith("-") else "asc"}

    @property
    def _orders(self) -> dict[str, tuple[str, ...]]:
        model_admin: Any = self.model_admin
        orders: dict[str, tuple[str, ...]] = model_admin.orders
        return orders


def _is_one_of(valid: range, text: str) -> bool:
    return text.isdecimal() and int(text[:5]) in valid
