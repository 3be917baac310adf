"""The two notes of staff: one that the user reads, and one that only staff read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.staff import MAX_NOTE


class NotesForm(forms.Form):
    """Asks for a reason, in at least one of two notes."""

    note = forms.CharField(
        label=gettext_lazy("Note for the user"),
        max_length=MAX_NOTE,
        required=False,
        help_text=gettext_lazy("The reason, as the user can read it."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    internal_note = forms.CharField(
        label=gettext_lazy("Internal note"),
        max_length=MAX_NOTE,
        required=False,
        help_text=gettext_lazy(
            "The reason, for staff alone. It is stored with your name."
        ),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def require_reason(self) -> bool:
        """Say whether one of the notes has a text; add an error if none has."""
        if self.notes_text:
            return True
        message = _("Enter the reason, for the user or for staff.")
        self.add_error(next(iter(self.notes)), message)
        return False

    @property
    def notes(self) -> dict[str, Any]:
        """The notes, as the verbs take them."""
        names = [name for name in ("note", "internal_note") if name in self.fields]
        return {name: self.cleaned_data.get(name, "") for name in names}

    @property
    def notes_text(self) -> str:
        """Both notes in one text, for the log of the admin."""
        return " ".join(text for text in self.notes.values() if text.strip())


def notes_of(parameters: dict[str, Any]) -> str:
    """Return the notes of a job in one text, for the log of the admin."""
    notes = (parameters.get(name, "") for name in ("note", "internal_note"))
    return " ".join(note for note in notes if note)
