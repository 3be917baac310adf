"""Base classes of the admin pages, and helpers that several pages share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME, AdminForm
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import BadRequest, ValidationError
from django.db import router
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from gamification.admin.changelists import (
    BoundedChangeList,
    BoundedPaginator,
    FilteredChangeList,
)
from gamification.admin.compat import model_admin
from gamification.admin.filters import keys_of_login
from gamification.admin.ui.csv_export import export_as_csv
from gamification.models import Job, write_alias
from gamification.staff import sees_everybody, user_id_of, write_transaction

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Model]
else:
    ModelAdmin = model_admin()


def with_fields(fieldsets: Any, choose: Callable[[Any], list[Any]]) -> list[Any]:
    """Return ``fieldsets`` with the fields that ``choose`` makes of those of each."""
    return [
        (title, {**options, "fields": choose(options["fields"])})
        for title, options in fieldsets
    ]


class GamificationAdmin(ModelAdmin):
    """Base of every admin page of the app, and of the mixins that add pages."""

    list_per_page = 50
    actions: Sequence[Any] = (export_as_csv,)

    class Media:
        css = {"all": ["gamification/theme.css"]}  # noqa: RUF012 - as Django has it

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return FilteredChangeList

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        # A replica may lack what staff want to choose, such as a group just added.
        kwargs.setdefault("using", write_alias())
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return with_fields(
            fieldsets,
            lambda names: [self._openable(request, obj, name) for name in names],
        )

    def _openable(self, request: HttpRequest, obj: Model, name: Any) -> Any:
        """Return the field of a read-only page, or a text in place of a link.

        Django links related objects even for staff who may not open their pages.
        """
        field: Any = {each.name: each for each in self.opts.fields}.get(name)
        related = field and field.related_model
        if not related or not self.admin_site.is_registered(related):
            return name
        page = self.admin_site.get_model_admin(related)
        if page.has_view_or_change_permission(request, getattr(obj, name)):
            return name

        @admin.display(description=field.verbose_name)
        def text(row: Model) -> Any:
            return getattr(row, name) or self.get_empty_value_display()

        text.__name__ = name
        return text

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # Django would pass these values unchecked to the database, which rejects them.
        if lookup.endswith(("range", "regex")) or "\0" in value:
            return False
        return super().lookup_allowed(lookup, value, request)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Model], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        self.check_keys(request.POST.getlist(ACTION_CHECKBOX_NAME))
        return super().response_action(request, queryset, *args, **kwargs)

    # Django would log ``request.user.pk``; see ``gamification.models.users``.
    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return log_action(request, [obj], ADDITION, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return log_action(request, [obj], CHANGE, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return log_action(request, queryset, DELETION)

    def check_keys(self, keys: Iterable[str]) -> None:
        """Raise ``BadRequest`` unless every key is a valid primary key.

        Django would pass the keys unchecked to the database, which may reject them.
        """
        try:
            for key in keys:
                self.opts.pk.clean(key, None)
        except ValidationError as error:
            raise BadRequest from error

    def address_of(self, name: str, *args: Any) -> str:
        """Return the address of a page of this app on the current admin site.

        It is empty if the site has unregistered the model of the page.
        """
        site = self.admin_site.name
        try:
            return reverse(f"admin:gamification_{name}", args=args, current_app=site)
        except NoReverseMatch:
            return ""

    def address_of_user(self, request: HttpRequest, user_id: Any) -> str:
        """Return the address of a user's progress; empty if staff may not open it."""
        if not sees_everybody(request.user):
            return ""
        return self.address_of("usergamification_for", quote(str(user_id)))

    def go_to(self, name: str, *args: Any) -> HttpResponse:
        """Redirect to a page of this app; without that page, to the admin's index."""
        index = reverse("admin:index", current_app=self.admin_site.name)
        return redirect(self.address_of(name, *args) or index)

    def click(self, request: HttpRequest, job: Job) -> None:
        """Let the page of ``job`` run its steps when this staff member sees it next.

        Otherwise, opening the page of a job changes nothing.
        """
        request.session["gamification_job"] = job.pk

    def was_clicked(self, request: HttpRequest, job: Job) -> bool:
        """Say, once, whether the staff member has just asked ``job`` to run."""
        is_clicked = request.session.get("gamification_job") == job.pk
        if is_clicked:
            del request.session["gamification_job"]
        return is_clicked

    def show_begun(self, request: HttpRequest, job: Job) -> HttpResponse:
        """Redirect to the page of a job that the staff member began with a click."""
        self.click(request, job)
        return self.go_to("job_progress", job.pk)

    def render_page(
        self, request: HttpRequest, template: str, context: dict[str, Any]
    ) -> TemplateResponse:
        """Render a page that Django's admin lacks, inside the admin's frame."""
        request.current_app = self.admin_site.name
        frame = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            # The last part of the breadcrumbs.
            "original": str(context["title"]),
            # The breadcrumbs link to the list only for staff who may open it.
            "has_view_permission": self.has_view_permission(request),
            "has_change_permission": False,
        }
        return TemplateResponse(request, template, frame | context)


def log_transaction() -> AbstractContextManager[None]:
    """Return a transaction that saves an action with its log entry, or neither."""
    return write_transaction(router.db_for_write(LogEntry))


def log_action(
    request: HttpRequest, rows: Iterable[Model], flag: int, message: Any = ""
) -> list[LogEntry]:
    """Log that the user of ``request`` acted on all of ``rows``."""
    actor: Any = request.user
    return LogEntry.objects.log_actions(user_id_of(actor), rows, flag, message)


def as_admin_form(form: Any) -> AdminForm:
    """Wrap ``form`` for the admin's own fieldset template."""
    return AdminForm(form, [(None, {"fields": [*form.fields]})], {})


class HistoryAdmin(GamificationAdmin):
    """Base of read-only pages: services write history and correct it by new entries."""

    show_full_result_count = False
    # Counting what each filter would leave takes seconds with millions of rows.
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    change_list_template = "admin/gamification/change_list.html"
    #: The columns by which the list can be sorted, each with the fields of an index in
    #: the order of that index. No other order is fast.
    orders: ClassVar[dict[str, tuple[str, ...]]] = {}
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    # Shows the search box. ``search`` does not use it as a lookup.
    search_fields: ClassVar[tuple[str, ...]] = ("user",)
    #: Shown beside the search box. Django's own help text would hide from some
    #: screen readers that the box is called "Search".
    search_hint = _("Enter the user's full login name.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedChangeList

    def get_sortable_by(self, request: HttpRequest) -> Any:
        return [*self.orders]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        if search_term and self.search_fields:
            queryset = self.search(queryset, search_term)
        return queryset, False

    def search(self, queryset: QuerySet[Model], term: str) -> QuerySet[Model]:
        """Return the rows of the user whose login name is ``term``."""
        return queryset.filter(user__in=keys_of_login(term))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        # Allow deletion only as part of deleting something else, such as a user.
        page = getattr(request.resolver_match, "url_name", None) or ""
        own_pages = f"{self.opts.app_label}_{self.opts.model_name}_"
        deletes = page.endswith(("_delete", "_changelist"))
        return deletes and not page.startswith(own_pages)
