"""Actions of staff on one user's progress, each a form that calls one service.

The forms only collect values. Services decide, and their refusals become form errors.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Final, NamedTuple
from uuid import uuid4

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gamification.admin.concurrent_forms import replace_data
from gamification.admin.ui.formatting import (
    describe_drift,
    describe_entry,
    describe_outcome,
    isolate,
)
from gamification.components.badges import badge_of
from gamification.exceptions import GamificationError, IdempotencyConflictError
from gamification.maintenance import reconcile
from gamification.models import Achievement, LedgerEntry, write_alias
from gamification.services import (
    Outcome,
    adjust_xp,
    award_achievement,
    reverse_entry,
    revoke_achievement,
)
from gamification.staff import MAX_ID, MAX_NOTE


class ActionResult(NamedTuple):
    """The message about an action, and whether the action changed anything."""

    message: str
    is_change: bool


class ActionForm(forms.Form):
    """Base of the actions. Each has a permission of its own."""

    name: ClassVar[str]
    permission: ClassVar[str]
    title: ClassVar[Any]
    explanation: ClassVar[Any]
    #: The field that a link to the form may fill in.
    subject: ClassVar[str] = ""

    note = forms.CharField(
        label=_("Note"),
        max_length=MAX_NOTE,
        help_text=_("The reason. It is stored with your name."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    field_order = ("achievement", "entry", "amount", "until", "kind", "note")

    def __init__(self, user: Any, data: Any = None, **kwargs: Any) -> None:
        # Ids contain the name, because one page shows several forms.
        super().__init__(data, auto_id=f"id_{self.name}_%s", **kwargs)
        self.user = user

    def perform(self, actor: Any) -> ActionResult | None:
        """Perform the action; return None, with an error, if it is refused."""
        try:
            return self.call_service(actor)
        except GamificationError as error:
            self.refuse(error)
            return None

    @abstractmethod
    def call_service(self, actor: Any) -> ActionResult:
        """Call the service with the values of the form; raises its errors."""

    def refuse(self, error: GamificationError) -> None:
        """Add the reason of a refusal as an error of the form."""
        self.add_error(None, str(error))


class AchievementActionForm(ActionForm):
    """Base of the actions on an achievement."""

    subject = "achievement"
    message: ClassVar[Any]
    achievement = forms.ChoiceField(label=_("Achievement"))

    def __init__(self, user: Any, data: Any = None, **kwargs: Any) -> None:
        super().__init__(user, data, **kwargs)
        rows = Achievement.objects.using(write_alias()).filter(**self.choices_filter())
        self.names = {
            row.key: f"{badge_of(row.icon).emoji} {row.name}".strip() for row in rows
        }
        field = self.fields["achievement"]
        field.choices = [("", "–"), *self.names.items()]  # type: ignore[attr-defined]

    @abstractmethod
    def choices_filter(self) -> dict[str, Any]:
        """Return the filter for the achievements to choose from."""

    def call_service(self, actor: Any) -> ActionResult:
        key, note = self.cleaned_data["achievement"], self.cleaned_data["note"]
        outcome = self.change_achievement(key, actor, note)
        changes = describe_outcome(outcome)
        values = {"name": isolate(self.names[key]), "changes": changes}
        return ActionResult(self.message % values, not outcome.replayed)

    @abstractmethod
    def change_achievement(self, key: str, actor: Any, note: str) -> Outcome:
        """Call the service for the achievement with this key."""


class AwardForm(AchievementActionForm):
    name = "award"
    permission = "gamification.award_achievement"
    title = _("Award an achievement")
    explanation = _(
        "Unlocks the achievement now, with its XP, even if the user does not meet its "
        "criterion."
    )
    message = _("Awarded %(name)s: %(changes)s")

    def choices_filter(self) -> dict[str, Any]:
        # Achievements that the user holds are included: clicking twice is no error.
        return {"status": "active"}

    def change_achievement(self, key: str, actor: Any, note: str) -> Outcome:
        return award_achievement(self.user, key, actor=actor, note=note)


class RevokeForm(AchievementActionForm):
    name = "revoke"
    permission = "gamification.revoke_achievement"
    title = _("Revoke an achievement")
    explanation = _(
        "Takes away the achievement and its XP. It does not unlock again by itself, "
        "but you can award it again."
    )
    message = _("Revoked %(name)s: %(changes)s")

    def choices_filter(self) -> dict[str, Any]:
        return {"user_achievements__user": self.user}

    def change_achievement(self, key: str, actor: Any, note: str) -> Outcome:
        return revoke_achievement(self.user, key, actor=actor, reason=note)


class AdjustForm(ActionForm):
    name = "adjust"
    permission = "gamification.adjust_xp"
    title = _("Adjust XP")
    explanation = _(
        "Adds or takes XP with a ledger entry. The total cannot fall below 0."
    )
    amount = forms.IntegerField(
        label=_("XP"), help_text=_("For example, 50 adds XP, and -50 takes it.")
    )
    #: Identifies this adjustment, so that sending the form twice adjusts once.
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def call_service(self, actor: Any) -> ActionResult:
        outcome = adjust_xp(
            self.user,
            amount=self.cleaned_data["amount"],
            note=self.cleaned_data["note"],
            actor=actor,
            key=f"admin:{self.cleaned_data['key']}",
        )
        values = {"changes": describe_outcome(outcome)}
        message = gettext("XP adjusted: %(changes)s") % values
        return ActionResult(message, not outcome.replayed)

    def refuse(self, error: GamificationError) -> None:
        if not isinstance(error, IdempotencyConflictError):
            return super().refuse(error)
        # Staff who went back in the browser may want another adjustment.
        replace_data(self, {"key": str(uuid4())})
        message = _(
            "This form was already sent with other values. "
            "Send it again to make another adjustment."
        )
        return self.add_error(None, message)


class ReverseForm(ActionForm):
    name = "reverse"
    permission = "gamification.reverse_entry"
    title = _("Reverse an entry")
    explanation = _(
        "Takes back what the entry is worth, with a new entry on the same date. "
        "An entry can be reversed once. Achievements that only this entry earned are "
        "lost if they are revocable, and otherwise remain unlocked."
    )
    subject = "entry"
    entry = forms.IntegerField(label=_("Entry"), min_value=1, max_value=MAX_ID)

    def call_service(self, actor: Any) -> ActionResult:
        entry, note = self.cleaned_data["entry"], self.cleaned_data["note"]
        outcome = reverse_entry(self.user, entry_id=entry, actor=actor, note=note)
        values = {"entry": entry, "changes": describe_outcome(outcome)}
        message = gettext("Entry %(entry)s reversed: %(changes)s") % values
        return ActionResult(message, not outcome.replayed)

    @cached_property
    def about(self) -> str:
        """A description of the chosen entry, or an empty text without one."""
        number = self["entry"].value()
        try:
            pk = self.fields["entry"].clean(number)
        except forms.ValidationError:
            return ""
        entries = LedgerEntry.objects.using(write_alias()).filter(user=self.user, pk=pk)
        entry = entries.select_related("activity", "achievement").first()
        return describe_entry(entry) if entry else ""


class RebuildForm(ActionForm):
    name = "rebuild"
    permission = "gamification.rebuild_progress"
    title = _("Rebuild progress")
    explanation = _(
        "Derives total XP, level, streak, tallies and active days from the ledger "
        "again, and corrects those that differ."
    )

    def call_service(self, actor: Any) -> ActionResult:
        drift = list(reconcile(self.user, fix=True))
        if not drift:
            message = gettext("Progress already agrees with the ledger.")
            return ActionResult(message, is_change=False)
        values = {"drift": describe_drift(drift)}
        message = gettext("Progress rebuilt: %(drift)s.") % values
        return ActionResult(message, is_change=True)


#: All actions by name, in the order in which the page shows them.
ACTIONS: Final[dict[str, type[ActionForm]]] = {
    form.name: form
    for form in (AdjustForm, AwardForm, RevokeForm, ReverseForm, RebuildForm)
}
