"""XP and levels: the page where staff see what the game gives, and tune it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from gamification.admin.balance import recalculation
from gamification.admin.balance.charts import (
    economy_charts,
    levels_chart,
    unlocks_table,
)
from gamification.admin.balance.recalculation import RecalculationAdmin
from gamification.admin.balance.tuning_form import Edit, TuningForm
from gamification.admin.balance.tuning_table import lines_of, rows_of
from gamification.admin.base import written_down
from gamification.admin.ui.formatting import isolated
from gamification.models import Achievement, Activity
from gamification.staff import (
    Definition,
    Simulation,
    get_balance_report,
    simulate_rewards,
)

#: Periods that can be looked at, in days; the second unless one is chosen.
PERIODS: Final = (7, 30, 90, 365)


class TuningAdmin(RecalculationAdmin):
    """The list of activities leads to the page."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.tuning_view)
        return [path("tuning/", view, name="gamification_tuning"), *super().get_urls()]

    def tuning_view(self, request: HttpRequest) -> HttpResponse:
        """Show what the game gives; say what other numbers would; save them."""
        items = _items(request)
        changeable = [item for item in items if _may(request, "change", type(item))]
        data = request.POST if request.method == "POST" else None
        if not items or (data is not None and not changeable):
            raise PermissionDenied
        form, days, result = TuningForm(changeable, data), _days_of(request), None
        if form.is_bound and form.is_valid():
            if "_save" not in request.POST:
                result = simulate_rewards(form.proposal(), days=days)
            elif self._save(request, form):
                return redirect(f"{request.path}?{urlencode({'days': days})}")
        return self._tuning_page(request, items, form, days, result)

    def _save(self, request: HttpRequest, form: TuningForm) -> bool:
        """Save what was changed, and say so; false if that is refused."""
        with written_down():
            edits = form.save(request.user)
            for edit in edits or ():
                self.log_change(request, edit.item, edit.words)
        if edits is None:
            return False
        self._tell(request, edits)
        if form.tried_thresholds:
            message = _("Level thresholds are the settings' own, and are not saved.")
            self.message_user(request, message, messages.WARNING)
        return True

    def _tell(self, request: HttpRequest, edits: Sequence[Edit]) -> None:
        if not edits:
            self.message_user(request, _("Nothing was changed."), messages.INFO)
            return
        names = ", ".join(isolated(edit.item) for edit in edits)
        message = _("Saved, from now on: %(names)s.") % {"names": names}
        self.message_user(request, message, messages.SUCCESS)

    def _tuning_page(
        self,
        request: HttpRequest,
        items: Sequence[Definition],
        form: TuningForm,
        days: int,
        result: Simulation | None,
    ) -> TemplateResponse:
        report = get_balance_report(days=days)
        activities = {row.pk: row for row in items if isinstance(row, Activity)}
        achievements = {row.pk: row for row in items if isinstance(row, Achievement)}
        names = {pk: row.name for pk, row in activities.items()}
        context: dict[str, Any] = {
            "title": _("XP and levels"),
            "form": form,
            "is_editable": any(form.items),
            "report": report,
            "days": days,
            "periods": PERIODS,
            "sections": [
                (_("Activities"), rows_of(activities.values(), form, report)),
                (_("Achievements"), rows_of(achievements.values(), form, report)),
            ],
            "charts": [*economy_charts(report, names)],
            "unlocks": unlocks_table(report, achievements),
            "may_recalculate": request.user.has_perm(recalculation.PERMISSION),
        }
        if result:
            context |= {
                "result": result,
                "lines": [*lines_of(result, items, report)],
                "levels": levels_chart(result),
                "thresholds": form.tried_thresholds,
            }
        return self.own_page(request, "gamification/admin/tuning.html", context)


def _items(request: HttpRequest) -> list[Definition]:
    """Return all activities and achievements that may be seen."""
    return [
        *(Activity.objects.all() if _may_see(request, Activity) else ()),
        *(Achievement.objects.all() if _may_see(request, Achievement) else ()),
    ]


def _may_see(request: HttpRequest, model: type[Definition]) -> bool:
    return _may(request, "view", model) or _may(request, "change", model)


def _may(request: HttpRequest, action: str, model: type[Definition]) -> bool:
    return request.user.has_perm(f"gamification.{action}_{model._meta.model_name}")


def _days_of(request: HttpRequest) -> int:
    chosen = request.GET.get("days", "")
    return next((days for days in PERIODS if str(days) == chosen), PERIODS[1])
