"""What staff do to one user's game: each a form with a note, and one service.

A form only says what is asked for. Services decide; their refusals become its errors.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Final, NamedTuple
from uuid import uuid4

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gamification.admin.ui.formatting import described, isolated, listed, told
from gamification.exceptions import GamificationError, IdempotencyConflictError
from gamification.maintenance import (
    reconcile,
)
from gamification.models import (
    Achievement,
    LedgerEntry,
    write_alias,
)
from gamification.services import (
    Outcome,
    adjust_xp,
    award_achievement,
    reverse_entry,
    revoke_achievement,
)
from gamification.staff import (
    MAX_ID,
    MAX_NOTE,
)


class Done(NamedTuple):
    """What an act did, in words, and whether that changed anything."""

    words: str
    is_change: bool


class Act(forms.Form):
    """Something that staff do to a user's game, with a permission of its own."""

    name: ClassVar[str]
    permission: ClassVar[str]
    title: ClassVar[Any]
    explanation: ClassVar[Any]
    #: The field that a link may fill in.
    subject: ClassVar[str] = ""

    note = forms.CharField(
        label=_("Note"),
        max_length=MAX_NOTE,
        help_text=_("Why. It is kept with your name."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    field_order = ("achievement", "entry", "amount", "note")

    def __init__(self, user: Any, data: Any = None, **kwargs: Any) -> None:
        # Several of them share a page.
        super().__init__(data, auto_id=f"id_{self.name}_%s", **kwargs)
        self.user = user

    def perform(self, actor: Any) -> Done | None:
        """Do it in the name of ``actor``; None, and an error, if it is refused."""
        try:
            return self.do(actor)
        except GamificationError as error:
            self.refuse(error)
            return None

    @abstractmethod
    def do(self, actor: Any) -> Done:
        """Ask the service for what was filled in; raises its errors."""

    def refuse(self, error: GamificationError) -> None:
        """Say why it was refused."""
        self.add_error(None, str(error))


class AchievementAct(Act):
    """An act on an achievement, which is chosen by its key."""

    subject = "achievement"
    #: What is said when it is done.
    words: ClassVar[Any]
    achievement = forms.ChoiceField(label=_("Achievement"))

    def __init__(self, user: Any, data: Any = None, **kwargs: Any) -> None:
        super().__init__(user, data, **kwargs)
        rows = Achievement.objects.using(write_alias()).filter(**self.choosable())
        self.names = {row.key: f"{row.icon} {row.name}".strip() for row in rows}
        field = self.fields["achievement"]
        field.choices = [("", "–"), *self.names.items()]  # type: ignore[attr-defined]

    @abstractmethod
    def choosable(self) -> dict[str, Any]:
        """Return what the achievements to choose from are filtered by."""

    def do(self, actor: Any) -> Done:
        key, note = self.cleaned_data["achievement"], self.cleaned_data["note"]
        outcome = self.ask(key, actor, note)
        values = {"name": isolated(self.names[key]), "changes": told(outcome)}
        return Done(self.words % values, not outcome.replayed)

    @abstractmethod
    def ask(self, key: str, actor: Any, note: str) -> Outcome:
        """Ask the service; raises its errors."""


class Award(AchievementAct):
    name = "award"
    permission = "gamification.award_achievement"
    title = _("Award an achievement")
    explanation = _("It is unlocked now, with its XP, whatever it measures.")
    words = _("Awarded %(name)s: %(changes)s")

    def choosable(self) -> dict[str, Any]:
        # Also what the user holds: a second click is no mistake.
        return {"status": "active"}

    def ask(self, key: str, actor: Any, note: str) -> Outcome:
        return award_achievement(self.user, key, actor=actor, note=note)


class Revoke(AchievementAct):
    name = "revoke"
    permission = "gamification.revoke_achievement"
    title = _("Revoke an achievement")
    explanation = _(
        "Its XP is taken back, and it is not awarded again by itself. "
        "Awarding it by hand gives it back."
    )
    words = _("Revoked %(name)s: %(changes)s")

    def choosable(self) -> dict[str, Any]:
        return {"user_achievements__user": self.user}

    def ask(self, key: str, actor: Any, note: str) -> Outcome:
        return revoke_achievement(self.user, key, actor=actor, reason=note)


class Adjust(Act):
    name = "adjust"
    permission = "gamification.adjust_xp"
    title = _("Adjust XP")
    explanation = _("An entry of the ledger adds XP, or takes some: never below 0.")
    amount = forms.IntegerField(
        label=_("XP"), help_text=_("Such as 50, or -50 to take some.")
    )
    #: Names what this form asks for, however often it is sent.
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def do(self, actor: Any) -> Done:
        asked = self.cleaned_data
        outcome = adjust_xp(
            self.user,
            amount=asked["amount"],
            note=asked["note"],
            actor=actor,
            key=f"admin:{asked['key']}",
        )
        words = gettext("XP adjusted: %(changes)s") % {"changes": told(outcome)}
        return Done(words, not outcome.replayed)

    def refuse(self, error: GamificationError) -> None:
        if not isinstance(error, IdempotencyConflictError):
            return super().refuse(error)
        # Whoever went back in the browser may mean another adjustment.
        self.data = dict(self.data.items(), key=str(uuid4()))
        message = _(
            "This form was sent before, with something else in it. "
            "To adjust once more, send it again."
        )
        return self.add_error(None, message)


class Reverse(Act):
    name = "reverse"
    permission = "gamification.reverse_entry"
    title = _("Take an entry back")
    explanation = _(
        "A counter-entry takes back what it credited, on its own date, once. "
        "Achievements that it unlocked stay."
    )
    subject = "entry"
    entry = forms.IntegerField(label=_("Entry"), min_value=1, max_value=MAX_ID)

    def do(self, actor: Any) -> Done:
        entry, note = self.cleaned_data["entry"], self.cleaned_data["note"]
        outcome = reverse_entry(self.user, entry_id=entry, actor=actor, note=note)
        values = {"entry": entry, "changes": told(outcome)}
        words = gettext("Entry %(entry)s taken back: %(changes)s") % values
        return Done(words, not outcome.replayed)

    @cached_property
    def about(self) -> str:
        """The entry in words, once it is known which one."""
        number = self["entry"].value()
        try:
            pk = self.fields["entry"].clean(number)
        except forms.ValidationError:
            return ""
        entries = LedgerEntry.objects.using(write_alias()).filter(user=self.user, pk=pk)
        entry = entries.select_related("activity", "achievement").first()
        return described(entry) if entry else ""


class Rebuild(Act):
    name = "rebuild"
    permission = "gamification.rebuild_progress"
    title = _("Rebuild progress")
    explanation = _(
        "Total, level, streak, tallies and active days are made anew from the ledger "
        "where they are not what it says."
    )

    def do(self, actor: Any) -> Done:
        drift = list(reconcile(self.user, fix=True))
        if not drift:
            return Done(gettext("Progress is what the ledger says."), is_change=False)
        words = gettext("Progress rebuilt: %(drift)s.") % {"drift": listed(drift)}
        return Done(words, is_change=True)


#: All of them, by name.
ACTS: Final[dict[str, type[Act]]] = {
    act.name: act for act in (Adjust, Award, Revoke, Reverse, Rebuild)
}
