"""The page “XP and levels”, on which staff see what users earn, and tune it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from gamification.admin.balance import recalculation
from gamification.admin.balance.charts import (
    economy_charts,
    holders_table,
    levels_chart,
)
from gamification.admin.balance.tuning_form import NumberEdit, TuningForm, name_of
from gamification.admin.balance.tuning_table import (
    compare_sources,
    compare_unlocks,
    tuning_rows,
)
from gamification.admin.base import GamificationAdmin, log_transaction
from gamification.admin.ui.formatting import isolate
from gamification.models import Achievement, Activity
from gamification.staff import (
    Definition,
    get_balance_report,
    has_all_permissions,
    simulate_rewards,
)

#: The periods to choose from, in days. The second one is the default.
PERIODS: Final = (7, 30, 90, 365)

#: Definitions on a page. Each has up to three fields, and Django accepts a thousand.
PAGE_SIZE: Final = 250


class TuningMixin(GamificationAdmin):
    """Adds the page “XP and levels” to the pages of activities."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.tuning_view)
        return [path("tuning/", view, name="gamification_tuning"), *super().get_urls()]

    def tuning_view(self, request: HttpRequest) -> HttpResponse:
        """Show what users earned; simulate other numbers, or save them."""
        items = _visible_definitions(request)
        editable = [item for item in items if _may(request, "change", type(item))]
        data = request.POST if request.method == "POST" else None
        if not items or (data is not None and not editable):
            raise PermissionDenied
        page = Paginator(items, PAGE_SIZE).get_page(request.GET.get("p"))
        form, days, result = _form(editable, page, data), _days(request), None
        if form.is_bound and form.is_valid():
            if "_save" not in request.POST:
                result = simulate_rewards(form.proposal(), days=days)
            elif self._save(request, form):
                return redirect(f"{request.path}?{_query(days, page)}")
        context = self._tuning_context(request, items, page, form, days)
        if result:
            context["result"] = result
            context["sources"] = [*compare_sources(result, items, context["report"])]
            context["unlocks"] = [*compare_unlocks(result)]
            context["levels"] = levels_chart(result)
            context["thresholds"] = form.tried_thresholds
        return self.render_page(request, "gamification/admin/tuning.html", context)

    def _save(self, request: HttpRequest, form: TuningForm) -> bool:
        """Save and log the edits; return False, with errors, if that is refused."""
        with log_transaction():
            edits = form.save(request.user)
        if edits is None:
            return False
        self._confirm(request, edits)
        if form.tried_thresholds:
            message = _(
                "The level thresholds were not saved: the page “Levels” changes them."
            )
            self.message_user(request, message, messages.WARNING)
        return True

    def _confirm(self, request: HttpRequest, edits: Sequence[NumberEdit]) -> None:
        if not edits:
            self.message_user(request, _("There was nothing to save."), messages.INFO)
            return
        names = ", ".join(isolate(edit.item) for edit in edits)
        message = _("Saved: %(names)s. The new numbers apply from now on.")
        self.message_user(request, message % {"names": names}, messages.SUCCESS)

    def _tuning_context(
        self,
        request: HttpRequest,
        items: Sequence[Definition],
        page: Page[Definition],
        form: TuningForm,
        days: int,
    ) -> dict[str, Any]:
        report = get_balance_report(days=days)
        activities = {row.pk: row for row in items if isinstance(row, Activity)}
        achievements = {row.pk: row for row in items if isinstance(row, Achievement)}
        names = {pk: row.name for pk, row in activities.items()}
        # Edits by others may have moved the submitted rows to another page.
        on_page = {*page}
        rows = [row for row in items if row in on_page or name_of(row) in form.known]
        awards = [item for item in rows if isinstance(item, Achievement)]
        others = [item for item in rows if isinstance(item, Activity)]
        return {
            "title": _("XP and levels"),
            "form": form,
            "is_editable": any(form.items),
            "report": report,
            "days": days,
            "page": page,
            "periods": PERIODS,
            "sections": [
                (_("Activities"), tuning_rows(others, form, report)),
                (_("Achievements"), tuning_rows(awards, form, report)),
            ],
            "charts": [*economy_charts(report, names)],
            "holders": holders_table(report, achievements),
            "may_recalculate": has_all_permissions(
                request.user, recalculation.PERMISSIONS
            ),
        }


def _query(days: int, page: Page[Definition]) -> str:
    number = {"p": page.number} if page.number > 1 else {}
    return urlencode({"days": days, **number})


def _form(
    editable: Sequence[Definition], page: Page[Definition], data: Any
) -> TuningForm:
    """Return the form of ``page``, or the one that was sent for any page."""
    if data is not None:
        return TuningForm(editable, data)
    on_page = {*page}
    return TuningForm([item for item in editable if item in on_page])


def _visible_definitions(request: HttpRequest) -> list[Definition]:
    """Return the activities and achievements that the user may view."""
    return [
        *(Activity.objects.all() if _may_view(request, Activity) else ()),
        *(Achievement.objects.all() if _may_view(request, Achievement) else ()),
    ]


def _may_view(request: HttpRequest, model: type[Definition]) -> bool:
    return _may(request, "view", model) or _may(request, "change", model)


def _may(request: HttpRequest, action: str, model: type[Definition]) -> bool:
    return request.user.has_perm(f"gamification.{action}_{model._meta.model_name}")


def _days(request: HttpRequest) -> int:
    chosen = request.GET.get("days", "")
    return next((days for days in PERIODS if str(days) == chosen), PERIODS[1])
