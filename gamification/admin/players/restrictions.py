"""Actions of staff that hold a user, exclude them from the game, or lift that."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gamification.admin.balance.recalculation import DayInput
from gamification.admin.base import HistoryAdmin
from gamification.admin.players.actions import ACTIONS, ActionForm, ActionResult
from gamification.admin.players.streak_actions import STREAK_ACTIONS
from gamification.models import Restriction
from gamification.staff import (
    exclude_user,
    hold_user,
    lift_restriction,
    open_restrictions,
)

_PERMISSION: Final = "gamification.restrict_user"


def restrictions_of(user: Any) -> list[Restriction]:
    """Return the open restrictions of a user, which are read once for a page."""
    known: dict[str, Any] = vars(user)
    if "open_restrictions" not in known:
        known["open_restrictions"] = [*open_restrictions(user)]
    rows: list[Restriction] = known["open_restrictions"]
    return rows


class RestrictionForm(ActionForm):
    """Base of the actions whose reason only staff read."""

    note = None  # type: ignore[assignment]

    def __init__(self, user: Any, data: Any = None, **kwargs: Any) -> None:
        super().__init__(user, data, **kwargs)
        self.fields["internal_note"].required = True


class HoldForm(RestrictionForm):
    name = "hold"
    permission = _PERMISSION
    title = _("Hold")
    explanation = _(
        "Leaderboards do not list the user until the date. The user keeps all XP."
    )
    until = forms.DateField(
        label=_("Until"),
        widget=DayInput,
        help_text=_("Leaderboards list the user again when this date begins."),
    )

    def call_service(self, actor: Any) -> ActionResult:
        until, note = self.cleaned_data["until"], self.cleaned_data["internal_note"]
        begins = timezone.make_aware(datetime.combine(until, time.min))
        hold_user(self.user, until=begins, reason=note, actor=actor)
        values = {"until": formats.date_format(until)}
        return ActionResult(gettext("Held until %(until)s.") % values, is_change=True)


class ExcludeForm(RestrictionForm):
    name = "exclude"
    permission = _PERMISSION
    title = _("Exclude from the game")
    explanation = _(
        "Records of the user earn nothing, and leaderboards do not list the user. "
        "The user keeps everything earned so far."
    )

    def call_service(self, actor: Any) -> ActionResult:
        exclude_user(self.user, reason=self.cleaned_data["internal_note"], actor=actor)
        return ActionResult(gettext("Excluded from the game."), is_change=True)


class LiftForm(RestrictionForm):
    name = "lift"
    permission = _PERMISSION
    title = _("Lift a restriction")
    explanation = _("Ends a hold, or an exclusion from the game.")
    kind = forms.ChoiceField(label=_("Restriction"))

    def __init__(self, user: Any, data: Any = None, **kwargs: Any) -> None:
        super().__init__(user, data, **kwargs)
        choices = [(row.kind, row.get_kind_display()) for row in restrictions_of(user)]
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]

    def call_service(self, actor: Any) -> ActionResult:
        kind, note = self.cleaned_data["kind"], self.cleaned_data["internal_note"]
        lift_restriction(self.user, kind, reason=note, actor=actor)
        return ActionResult(gettext("Restriction lifted."), is_change=True)


_MORE: Final[tuple[type[ActionForm], ...]] = (
    *STREAK_ACTIONS,
    HoldForm,
    ExcludeForm,
    LiftForm,
)

#: All actions on a user by name, in the order in which the page shows them.
ALL_ACTIONS: Final[dict[str, type[ActionForm]]] = ACTIONS | {
    form.name: form for form in _MORE
}


@admin.register(Restriction)
class RestrictionAdmin(HistoryAdmin):
    list_display = (
        "user",
        "kind",
        "until",
        "reason",
        "actor",
        "created_at",
        "lifted_at",
        "lifted_by",
    )
    list_filter = ("kind", ("lifted_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "actor", "lifted_by")
