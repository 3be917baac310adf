"""Filters of lists: ranges to fill in, and users by their login name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from django.contrib.admin import FieldListFilter, ListFilter, ModelAdmin
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import DateField, Field, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.models import write_alias
from gamification.models.users import parse_value

_TEMPLATE = "gamification/admin/input_filter.html"


class Box(NamedTuple):
    """A box to fill in, beside the links of other filters."""

    name: str
    label: Any
    type: str
    value: str


class RangeFilter(FieldListFilter):
    """Filters by the lowest and the highest value of a number or date."""

    template = _TEMPLATE

    def __init__(
        self,
        field: Field[Any, Any],
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: ModelAdmin[Any],
        field_path: str,
    ) -> None:
        self.names = (f"{field_path}__gte", f"{field_path}__lte")
        # Browsers also send the boxes that nobody filled in.
        for name in self.names:
            if params.get(name) == [""]:
                del params[name]
        super().__init__(field, request, params, model, model_admin, field_path)

    def expected_parameters(self) -> list[str | None]:
        return [*self.names]

    def choices(self, changelist: Any) -> Iterator[Any]:
        is_date = isinstance(self.field, DateField)
        labels = (_("From"), _("To")) if is_date else (_("At least"), _("At most"))
        kind = "date" if is_date else "number"
        boxes = [
            Box(name, label, kind, changelist.params.get(name, ""))
            for name, label in zip(self.names, labels, strict=True)
        ]
        yield form_of(changelist, boxes)


class ActorFilter(ListFilter):
    """Filters by the login name of the member of staff who acted."""

    template = _TEMPLATE
    title = gettext_lazy("actor")
    #: Named as in SimpleListFilter: django-unfold reads it from every filter.
    parameter_name: ClassVar[str] = "actor_name"

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: ModelAdmin[Any],
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.login = params.pop(self.parameter_name, [""])[-1]

    def has_output(self) -> bool:
        return True

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> QuerySet[Any] | None:
        if not self.login:
            return None
        return queryset.filter(actor__in=keys_of_login(self.login))

    def choices(self, changelist: Any) -> Iterator[Any]:
        label = _("Full login name")
        yield form_of(changelist, [Box(self.parameter_name, label, "text", self.login)])


def form_of(changelist: Any, boxes: list[Box]) -> dict[str, Any]:
    """Return what the template of a filter needs: a form with ``boxes``."""
    names = [box.name for box in boxes]
    others = [pair for pair in changelist.params.items() if pair[0] not in names]
    return {
        "selected": any(box.value for box in boxes),
        "boxes": boxes,
        # The other filters, the search and the order stay as they are.
        "others": others,
        "query_string": changelist.get_query_string(remove=names),
        "display": _("All"),
    }


def keys_of_login(name: str) -> list[Any]:
    """Return the key of the user who logs in with ``name``, or no key."""
    model = get_user_model()
    login: Any = model._meta.get_field(model.USERNAME_FIELD)
    try:
        parsed = parse_value(login, name)
    except ValidationError:
        return []
    users = model._base_manager.using(write_alias()).filter(**{login.name: parsed})
    # Filtering by primary key lets the database use an index.
    return [*users.values_list("pk", flat=True)]
