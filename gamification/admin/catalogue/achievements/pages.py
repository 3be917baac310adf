"""The pages on which staff edit achievements, sort them, and preview backfills."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from gamification.admin.base import with_fields
from gamification.admin.catalogue.achievements.activation import ActivationMixin
from gamification.admin.catalogue.achievements.backfill import BackfillMixin
from gamification.admin.catalogue.achievements.changelist import (
    MOVE,
    AchievementChangeList,
    ExtraCells,
    move_row,
)
from gamification.admin.catalogue.achievements.filters import (
    SeasonFilter,
    SeriesFilter,
)
from gamification.admin.catalogue.achievements.forms import (
    RULE_FIELDS,
    AchievementForm,
    AchievementRowForm,
    fields_for,
    sentence_of,
)
from gamification.admin.catalogue.editing import CatalogueAdmin
from gamification.admin.catalogue.files import CatalogueFileMixin
from gamification.admin.catalogue.retirement import RetirementMixin
from gamification.admin.catalogue.seeds import SeedsMixin
from gamification.admin.catalogue.undoing import UndoMixin
from gamification.components.badges import icon_html
from gamification.models import Achievement
from gamification.staff import AchievementStatus, create_achievement, edit_achievement

_TITLE: Final = "{} <bdi>{}</bdi>"
_SERIES: Final = _(
    "Steps of one series, such as bronze, silver and gold, share a card. Users see the "
    "highest step that they hold, and the next one. A new step between two others is "
    "not celebrated for those who hold a higher one."
)
_REPEATS: Final = _(
    "1 means once. For more, say what earns it again: a certain amount more of the "
    "criterion, or a new day, week or month on the user’s calendar, each of which "
    "starts the criterion from zero. Each time has its own XP."
)
_SEASON: Final = _(
    "Only records of the season count, and nobody can earn it outside the season. A "
    "late record still counts by the time at which it happened."
)
_CRITERION: Final = '{} <small class="gam-beneath">{}</small>'


@admin.register(Achievement)
class AchievementAdmin(
    ActivationMixin,
    BackfillMixin,
    RetirementMixin,
    UndoMixin,
    CatalogueFileMixin,
    SeedsMixin,
    CatalogueAdmin,
):
    form = AchievementForm
    row_form = AchievementRowForm
    create = create_achievement
    edit = edit_achievement
    actions = (*BackfillMixin.actions, "retire_selected")
    retired: ClassVar = {"status": AchievementStatus.RETIRED.value}
    retire_offer = _(
        "Retire it instead: its holders keep it, nobody else can unlock it, and other "
        "users no longer see it."
    )
    retire_button = _("Retire it")
    retire_done = _("“%(name)s” is retired: its holders keep it.")
    list_display = (
        "moves",
        "titled",
        "criterion_in_words",
        "threshold",
        "xp_reward",
        "status",
        "held",
        "position",
    )
    list_display_links = ("titled",)
    list_editable = ("threshold", "xp_reward", "status", "position")
    list_filter = (
        *("status", "category", "criterion", SeriesFilter, SeasonFilter),
        *("is_secret", "activity"),
    )
    list_select_related = ("activity", "streak")
    search_fields = (*CatalogueAdmin.search_fields, "description")
    readonly_fields = ("in_words", *CatalogueAdmin.readonly_fields)
    fieldsets = (
        (None, {"fields": ("name", "key", "description", "category", "icon")}),
        (
            _("Requirement"),
            {
                "fields": (
                    *("criterion", "activity", "streak", "threshold"),
                    *("counting", "conditions", "in_words"),
                )
            },
        ),
        (
            _("Repeats"),
            {
                "fields": ("max_times", "repeat_every", "repeat_period"),
                "description": _REPEATS,
            },
        ),
        (
            _("Season"),
            {
                "fields": (
                    *("starts_at", "ends_at", "season_zone"),
                    "shown_outside_season",
                ),
                "description": _SEASON,
            },
        ),
        (_("Series"), {"fields": ("series", "step"), "description": _SERIES}),
        (
            _("Reward and visibility"),
            {"fields": ("xp_reward", "status", "is_secret", "revocable", "position")},
        ),
        (
            _("Dates"),
            {"fields": ("created_at", "updated_at"), "classes": ("collapse",)},
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.sentence_view)
        name = "gamification_achievement_sentence"
        return [path("sentence/", view, name=name), *super().get_urls()]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        last = Achievement.objects.aggregate(last=Max("position"))["last"]
        position = 0 if last is None else last + 1
        usual = {"position": position, "status": AchievementStatus.DRAFT}
        linked = super().get_changeform_initial_data(request)
        # An address cannot fill in what is built in rows.
        given = {name: linked[name] for name in linked if name not in RULE_FIELDS}
        return {**usual, **given}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        # Staff who cannot edit conditions read them in words.
        return with_fields(
            fieldsets, lambda names: [name for name in names if name not in RULE_FIELDS]
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AchievementChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if MOVE in request.POST:
            request.POST = move_row(request.POST)  # type: ignore[assignment]
        return super().changelist_view(request, extra_context)

    def sentence_view(self, request: HttpRequest) -> HttpResponse:
        """Return the sentence that explains the criterion of a half-filled form."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form: Any = self.get_form(request)(request.POST or request.GET)
        form.is_valid()
        criterion = str(form.cleaned_data.get("criterion", ""))
        wrong = form.errors.keys() & {"criterion", "streak", *fields_for(criterion)}
        sentence = "" if wrong else sentence_of(form.instance)
        return JsonResponse({"sentence": sentence})

    @admin.action(
        permissions=["change"], description=_("Retire the selected achievements")
    )
    def retire_selected(
        self, request: HttpRequest, queryset: QuerySet[Achievement]
    ) -> None:
        self.retire_all(request, queryset)

    @admin.display(description=_("name"), ordering="name")
    def titled(self, row: Achievement) -> str:
        return format_html(_TITLE, icon_html(row.icon), row.name)

    @admin.display(description=_("criterion"), ordering="criterion")
    def criterion_in_words(self, row: Achievement) -> str:
        # Somebody else may have deleted the row in the meantime.
        if not row.pk:
            return ""
        return format_html(_CRITERION, row.criterion_text, row.get_category_display())

    @admin.display(description=_("in words"))
    def in_words(self, row: Achievement) -> str:
        sentence = sentence_of(row)
        return format_html('<span id="gam-in-words">{}</span>', sentence or "–")

    @admin.display(description=_("holders"))
    def held(self, row: Achievement) -> str:
        return ExtraCells.of(row).holders

    @admin.display(description=_("order"))
    def moves(self, row: Achievement) -> str:
        return ExtraCells.of(row).moves
