"""Actions of staff on one user's streaks: freezes, pauses and repairs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final
from uuid import uuid4

from django import forms
from django.utils import formats
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from gamification.admin.balance.recalculation import DayInput
from gamification.admin.players.actions import ActionForm, ActionResult
from gamification.exceptions import NotRepairableError
from gamification.models import StreakDefinition
from gamification.services import end_pause
from gamification.staff import grant_freezes, pause_streak, repair_streak

#: One more than a repair may have, so that the verb refuses it.
_DATES: Final = 32


def streaks_of(user: Any) -> list[StreakDefinition]:
    """Return the definitions of streaks, which are read once for a user's page."""
    known: dict[str, Any] = vars(user)
    if "streak_definitions" not in known:
        known["streak_definitions"] = [*StreakDefinition.objects.all()]
    definitions: list[StreakDefinition] = known["streak_definitions"]
    return definitions


def dates_between(since: date, until: date | None) -> list[date]:
    """Return the dates from the first to the last, at most one more than allowed.

    Raises ``NotRepairableError`` if the last comes before the first.
    """
    last = until or since
    if last < since:
        raise NotRepairableError(gettext("The last date is before the first one."))
    count = min((last - since).days + 1, _DATES)
    return [since + timedelta(days) for days in range(count)]


class StreakActionForm(ActionForm):
    """Base of the actions on one streak, or on all of them."""

    #: The label of no choice; empty if a streak has to be chosen.
    all_label: Any = ""
    # Users read the note of what keeps their streak.
    internal_note = None  # type: ignore[assignment]
    streak = forms.ChoiceField(label=_("Streak"), required=False)

    def __init__(self, user: Any, data: Any = None, **kwargs: Any) -> None:
        super().__init__(user, data, **kwargs)
        self.fields["note"].required = True
        field: Any = self.fields["streak"]
        field.required = not self.all_label
        every = [("", self.all_label)] if self.all_label else []
        field.choices = every + [(row.key, row.name) for row in streaks_of(user)]


class FreezeForm(StreakActionForm):
    name = "freeze"
    permission = "gamification.grant_freezes"
    title = _("Grant freezes")
    explanation = _(
        "Freezes cover missed dates from now on. Those that find no room in stock are "
        "lost."
    )
    amount = forms.IntegerField(label=_("Freezes"), min_value=1, initial=1)
    #: Identifies this grant, so that sending the form twice grants once.
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def call_service(self, actor: Any) -> ActionResult:
        grant = grant_freezes(
            self.user,
            self.cleaned_data["amount"],
            streak=self.cleaned_data["streak"],
            key=f"admin:{self.cleaned_data['key']}",
            actor=actor,
            note=self.cleaned_data["note"],
        )
        message = ngettext(
            "%(count)s freeze added; in stock: %(stock)s.",
            "%(count)s freezes added; in stock: %(stock)s.",
            grant.added,
        )
        text = message % {"count": grant.added, "stock": grant.status.freezes}
        if grant.replayed:
            text = gettext("Already done: %(result)s") % {"result": text}
        return ActionResult(text, not grant.replayed)


class PauseForm(StreakActionForm):
    name = "pause"
    permission = "gamification.pause_streak"
    title = _("Pause")
    explanation = _(
        "Missed dates in a pause break nothing and cost no freeze. Past dates are "
        "possible, too. Pauses that overlap become one."
    )
    all_label = _("All streaks")
    start = forms.DateField(label=_("First date"), widget=DayInput)
    end = forms.DateField(label=_("Last date"), widget=DayInput)

    def call_service(self, actor: Any) -> ActionResult:
        values = self.cleaned_data
        made = pause_streak(
            self.user,
            values["start"],
            values["end"],
            actor=actor,
            streak=values["streak"] or None,
            note=values["note"],
        )
        dates = {
            "start": formats.date_format(made.since),
            "end": formats.date_format(made.until),
        }
        message = gettext("Paused from %(start)s to %(end)s.") % dates
        return ActionResult(message, is_change=True)


class EndPauseForm(StreakActionForm):
    name = "end-pause"
    permission = "gamification.pause_streak"
    title = _("End a pause")
    explanation = _(
        "Ends a pause from the user's today on, and all later ones. Choose what was "
        "paused: all streaks, or one."
    )
    all_label = _("All streaks")

    def call_service(self, actor: Any) -> ActionResult:
        streak = self.cleaned_data["streak"] or None
        if end_pause(self.user, streak=streak):
            return ActionResult(gettext("The pause has ended."), is_change=True)
        return ActionResult(gettext("There is no such pause."), is_change=False)


class RepairForm(StreakActionForm):
    name = "repair"
    permission = "gamification.repair_streak"
    title = _("Repair dates")
    explanation = _(
        "Missed dates of the last 90 days then break nothing. They keep the run and do "
        "not lengthen it."
    )
    since = forms.DateField(label=_("First date"), widget=DayInput)
    until = forms.DateField(
        label=_("Last date"),
        widget=DayInput,
        required=False,
        help_text=_("Empty means the first date alone."),
    )

    def call_service(self, actor: Any) -> ActionResult:
        values = self.cleaned_data
        status = repair_streak(
            self.user,
            dates_between(values["since"], values["until"]),
            actor=actor,
            note=values["note"],
            streak=values["streak"],
        )
        message = gettext("Repaired: current streak %(current)s, longest %(longest)s.")
        numbers = {"current": status.current, "longest": status.longest}
        return ActionResult(message % numbers, is_change=True)


#: The actions on streaks, in the order in which the page shows them.
STREAK_ACTIONS: Final[tuple[type[StreakActionForm], ...]] = (
    FreezeForm,
    PauseForm,
    EndPauseForm,
    RepairForm,
)
