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
from gamification.admin.notes import NotesForm
from gamification.admin.ui.formatting import (
    describe_drift,
    describe_entry,
    describe_outcome,
    isolate,
)
from gamification.components.badges import badge_of
from gamification.exceptions import GamificationError, IdempotencyConflictError
from gamification.maintenance import reconcile
from gamification.models import (
    Achievement,
    LedgerEntry,
    UserAchievement,
)
from gamification.services import (
    Outcome,
    adjust_xp,
    award_achievement,
    reverse_entry,
    revoke_achievement,
)
from gamification.staff import MAX_ID, MAX_TIMES, entry_fingerprint


class ActionResult(NamedTuple):
    """The message about an action, and whether the action changed anything."""

    message: str
    is_change: bool


class ActionForm(NotesForm):
    """Base of the actions. Each has a permission of its own."""

    name: ClassVar[str]
    permission: ClassVar[str]
    title: ClassVar[Any]
    explanation: ClassVar[Any]
    #: The field that a link to the form may fill in.
    subject: ClassVar[str] = ""

    field_order = (
        *("achievement", "number", "entry", "streak", "amount", "start", "end"),
        *("since", "until", "kind"),
        *("note", "internal_note"),
    )

    def __init__(self, user: Any, data: Any = None, **kwargs: Any) -> None:
        # Ids contain the name, because one page shows several forms.
        super().__init__(data, auto_id=f"id_{self.name}_%s", **kwargs)
        self.user = user

    def clean(self) -> dict[str, Any] | None:
        if not self.errors:
            self.require_reason()
        return super().clean()

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
    #: The help text of the number.
    about_number: ClassVar[Any]
    achievement = forms.ChoiceField(label=_("Achievement"))
    number = forms.IntegerField(
        label=_("Which time"), min_value=1, max_value=MAX_TIMES, required=False
    )

    def __init__(self, user: Any, data: Any = None, **kwargs: Any) -> None:
        super().__init__(user, data, **kwargs)
        rows = [*Achievement.objects.filter(**self.choices_filter())]
        self.names = {
            row.key: f"{badge_of(row.icon).emoji} {row.name}".strip() for row in rows
        }
        field = self.fields["achievement"]
        field.choices = [("", "–"), *self.names.items()]  # type: ignore[attr-defined]
        if any(row.max_times != 1 for row in rows):
            self.fields["number"].help_text = self.about_number
        else:
            del self.fields["number"]

    @abstractmethod
    def choices_filter(self) -> dict[str, Any]:
        """Return the filter for the achievements to choose from."""

    def call_service(self, actor: Any) -> ActionResult:
        key = self.cleaned_data["achievement"]
        outcome = self.change_achievement(key, actor)
        changes = describe_outcome(outcome)
        values = {"name": isolate(self.names[key]), "changes": changes}
        return ActionResult(self.message % values, not outcome.replayed)

    @abstractmethod
    def change_achievement(self, key: str, actor: Any) -> Outcome:
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
    about_number = _(
        "For an achievement that users can earn more than once: 2 means the second "
        "time. Empty means the first."
    )

    def choices_filter(self) -> dict[str, Any]:
        # Achievements that the user holds are included: clicking twice is no error.
        return {"status": "active"}

    def change_achievement(self, key: str, actor: Any) -> Outcome:
        number = self.cleaned_data.get("number")
        return award_achievement(
            self.user, key, number=number, actor=actor, **self.notes
        )


class RevokeForm(AchievementActionForm):
    name = "revoke"
    permission = "gamification.revoke_achievement"
    title = _("Revoke an achievement")
    explanation = _(
        "Takes away the achievement and its XP. It does not unlock again by itself, "
        "but you can award it again."
    )
    message = _("Revoked %(name)s: %(changes)s")
    about_number = _(
        "For an achievement that the user has earned more than once: 2 means the "
        "second time. Empty means all of them."
    )

    def choices_filter(self) -> dict[str, Any]:
        held = UserAchievement.objects.filter(user=self.user)
        return {"pk__in": held.values("achievement")}

    def change_achievement(self, key: str, actor: Any) -> Outcome:
        notes = self.notes
        return revoke_achievement(
            self.user,
            key,
            number=self.cleaned_data.get("number"),
            actor=actor,
            reason=notes["note"],
            internal_note=notes["internal_note"],
        )


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
            **self.notes,
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
    #: Identifies the entry that the form described: its id may be reused.
    fingerprint = forms.CharField(
        required=False, max_length=32, widget=forms.HiddenInput
    )

    def __init__(self, user: Any, data: Any = None, **kwargs: Any) -> None:
        super().__init__(user, data, **kwargs)
        if data is None and self.described:
            self.initial["fingerprint"] = entry_fingerprint(self.described)

    def call_service(self, actor: Any) -> ActionResult:
        entry = self.cleaned_data["entry"]
        outcome = reverse_entry(
            self.user,
            entry_id=entry,
            fingerprint=self.cleaned_data["fingerprint"] or None,
            actor=actor,
            **self.notes,
        )
        values = {"entry": entry, "changes": describe_outcome(outcome)}
        message = gettext("Entry %(entry)s reversed: %(changes)s") % values
        return ActionResult(message, not outcome.replayed)

    def refuse(self, error: GamificationError) -> None:
        super().refuse(error)
        if self.described:
            # The form now describes this entry, so that it can be sent again.
            replace_data(self, {"fingerprint": entry_fingerprint(self.described)})

    @cached_property
    def described(self) -> LedgerEntry | None:
        """The chosen entry, if the user has it."""
        number = self["entry"].value()
        try:
            pk = self.fields["entry"].clean(number)
        except forms.ValidationError:
            return None
        entries = LedgerEntry.objects.filter(user=self.user, pk=pk)
        return entries.select_related("activity", "achievement").first()

    @property
    def about(self) -> str:
        """A description of the chosen entry, or an empty text without one."""
        return describe_entry(self.described) if self.described else ""


class RebuildForm(ActionForm):
    name = "rebuild"
    permission = "gamification.rebuild_progress"
    title = _("Rebuild progress")
    explanation = _(
        "Derives total XP, level, streak, tallies and active days from the ledger "
        "again, and corrects those that differ."
    )
    # A rebuild writes no entry that the user could read.
    internal_note = None  # type: ignore[assignment]

    def __init__(self, user: Any, data: Any = None, **kwargs: Any) -> None:
        super().__init__(user, data, **kwargs)
        self.fields["note"].required = True
        self.fields["note"].label = _("Note")
        self.fields["note"].help_text = _("The reason. It is logged with your name.")

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
