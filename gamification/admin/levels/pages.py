"""The page “Levels”, on which staff say where levels begin and what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.core.exceptions import PermissionDenied
from django.db import router
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from gamification.admin.base import GamificationAdmin, log_transaction
from gamification.admin.levels.form import GeneratorForm, LevelsForm, RelevelingForm
from gamification.admin.ui.charts import Chart
from gamification.conf import conf
from gamification.exceptions import LevelsPinnedError
from gamification.models import Job, JobKind, Level
from gamification.staff import (
    Curve,
    LevelRule,
    begin_releveling,
    get_levels,
    has_all_permissions,
    make_table,
    preview_levels,
)
from gamification.values import LevelsPreview

PERMISSIONS: Final = JobKind.LEVELS.permissions

#: The numbers of the app's own levels.
_USUAL: Final = {"count": 30, "first": 50, "curve": Curve.STEPS, "growth": 50}

#: The preview lists at most this many moves between levels, and logged changes.
_MOST_MOVES: Final = 50
_MOST_LOGGED: Final = 10


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A level, and the users who are on it."""

    level: LevelRule
    name: str
    #: XP from this level to the next one; None at the top.
    takes: int | None
    users_now: int
    users_then: int
    days_now: float | None
    days_then: float | None


@admin.register(Level)
class LevelAdmin(GamificationAdmin):
    """Shows all levels on one page, where they are edited together."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        return redirect(self.address_of("level_changelist"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the levels; preview other ones, or save those that were previewed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        may_edit = has_all_permissions(request.user, PERMISSIONS)
        if request.method == "POST":
            if not may_edit:
                raise PermissionDenied
            return self._edit(request)
        levels = get_levels()
        form = LevelsForm(levels, proposed=_proposed(request, levels))
        return self._render(request, levels, form, GeneratorForm(initial=_USUAL))

    def _edit(self, request: HttpRequest) -> HttpResponse:
        button = RelevelingForm(request.POST)
        if "_relevel" in request.POST and button.is_valid():
            return self._relevel(request, str(button.cleaned_data["key"]))
        levels = get_levels()
        form = LevelsForm(levels, request.POST)
        entered = {name: request.POST.get(name) for name in _USUAL}
        generator = GeneratorForm(initial=entered)
        if conf.pins_levels:
            self.message_user(request, str(LevelsPinnedError()), messages.ERROR)
        elif "_generate" in request.POST:
            generator = GeneratorForm(request.POST)
            made = generator.levels(levels) if generator.is_valid() else None
            form = LevelsForm(levels, proposed=made)
        elif form.is_valid():
            if "_save" in request.POST and (answer := self._save(request, form)):
                return answer
            form.remember()
            preview = preview_levels(form.levels)
            return self._render(request, form.levels, form, generator, preview)
        return self._render(request, levels, form, generator)

    def _save(self, request: HttpRequest, form: LevelsForm) -> HttpResponse | None:
        """Save and go on; return None, with errors, if that is refused."""
        with log_transaction():
            saved = form.save(request.user)
            if saved:
                self._log_job(request, saved.job)
        if saved is None:
            return None
        count = len(saved.changes)
        message = ngettext(
            "%(count)s level was changed.", "%(count)s levels were changed.", count
        )
        self.message_user(request, message % {"count": count}, messages.SUCCESS)
        return self._go_on(request, saved.job)

    def _relevel(self, request: HttpRequest, key: str) -> HttpResponse:
        """Begin to give users the levels of the table as it is."""
        with log_transaction():
            job = begin_releveling(actor=request.user, key=key)
            self._log_job(request, job)
        return self._go_on(request, job)

    def _log_job(self, request: HttpRequest, job: Job | None) -> None:
        if job and not job.is_replay:
            message = _("Begun for %(users)s users.") % {"users": job.total}
            self.log_addition(request, job, message)

    def _go_on(self, request: HttpRequest, job: Job | None) -> HttpResponse:
        if job:
            return self.show_begun(request, job)
        return redirect(self.address_of("level_changelist"))

    def _render(
        self,
        request: HttpRequest,
        levels: Sequence[LevelRule],
        form: LevelsForm,
        generator: GeneratorForm,
        preview: LevelsPreview | None = None,
    ) -> HttpResponse:
        user: Any = request.user
        may_edit = has_all_permissions(user, PERMISSIONS)
        is_preview = preview is not None
        shown = preview or preview_levels(levels)
        rows = _rows(levels, shown)
        context = {
            "title": _("Levels"),
            "form": form,
            "generator": generator,
            "button": RelevelingForm(auto_id=False),
            "preview": shown,
            "is_preview": is_preview,
            "is_pinned": conf.pins_levels,
            "may_edit": may_edit,
            "rows": rows,
            "charts": [*_charts(rows, get_levels() if is_preview else None)],
            "moves": _moves(shown),
            "jobs": _unfinished_jobs(),
            "sees_jobs": may_edit or user.has_perm("gamification.view_job"),
            "log": _log(),
        }
        return self.render_page(request, "gamification/admin/levels.html", context)


def _proposed(
    request: HttpRequest, levels: tuple[LevelRule, ...]
) -> tuple[LevelRule, ...] | None:
    """Return the levels that a link proposes, from the page “XP and levels”."""
    numbers = request.GET.get("thresholds", "").split(",")
    if not all(re.fullmatch(r"[0-9]{1,16}", number) for number in numbers):
        return None
    return make_table(map(int, numbers), levels)


def _rows(levels: Sequence[LevelRule], preview: LevelsPreview) -> list[LevelRow]:
    following = [*(level.threshold for level in levels[1:]), None]
    language = get_language()
    return [
        LevelRow(
            level,
            level.name_in(language),
            None if ends is None else ends - level.threshold,
            preview.users_now.get(level.number, 0),
            preview.users_then.get(level.number, 0),
            preview.days_now.get(level.number),
            preview.days_then.get(level.number),
        )
        for level, ends in zip(levels, following, strict=True)
    ]


def _charts(
    rows: Sequence[LevelRow], today: Sequence[LevelRule] | None
) -> Iterator[Chart]:
    """Yield charts of the curve and of the days that users took, beside ``today``'s."""
    numbers = [str(row.level.number) for row in rows]
    now, then = _("As it is"), _("With this table")
    begins = {then if today else now: [row.level.threshold for row in rows]}
    days = {now: [row.days_now or 0 for row in rows]}
    if today:
        known = {level.number: level.threshold for level in today}
        old = [known.get(row.level.number, 0) for row in rows]
        begins = {now: old, **begins}
        days[then] = [row.days_then or 0 for row in rows]
    title = _("Total XP at which each level begins")
    yield Chart("gam-curve", title, _("XP"), numbers, begins)
    title = _("Median days that users needed to reach each level")
    yield Chart("gam-days", title, _("days"), numbers, days)


def _moves(preview: LevelsPreview) -> list[tuple[int, int, int]]:
    """Return the moves between levels with their numbers of users, most first."""
    moves = [(*move, users) for move, users in preview.effects.moves.items()]
    return sorted(moves, key=lambda each: (-each[2], each))[:_MOST_MOVES]


def _unfinished_jobs() -> Any:
    """Return the jobs that still give users their levels, the latest first."""
    return Job.objects.filter(kind=JobKind.LEVELS, finished_at=None)


def _log() -> Any:
    """Return the latest logged changes of levels."""
    rows = LogEntry.objects.using(router.db_for_write(LogEntry))
    changes = rows.filter(content_type=get_content_type_for_model(Level))
    return changes.select_related("user").order_by("-action_time")[:_MOST_LOGGED]
