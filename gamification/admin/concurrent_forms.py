"""How every form of the admin treats concurrent edits.

A form carries a tag of what its editor was shown. If that is no longer what is stored
when the form is sent, nothing is saved. The form then reports what somebody else
changed, takes over the stored values of fields that the editor did not touch, and
carries the new tag, so that sending it again saves the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from gamification.admin.ui.formatting import isolate


class TagField(forms.CharField):
    """A hidden field with the tag of what the editor was shown."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        # Only other editors change it.
        return False


def conflict_message(subject: object) -> str:
    """Return the message that somebody else changed ``subject``."""
    message = _(
        "Somebody else changed %(subject)s in the meantime. Nothing has been saved: "
        "check the values, then try again."
    )
    return message % {"subject": subject}


def report_conflict(
    form: forms.BaseForm,
    subject: object,
    *,
    shown: Mapping[str, str],
    stored: Mapping[str, str],
    touched: Collection[str],
) -> None:
    """Add an error that says what somebody else changed; update the other fields.

    ``shown`` and ``stored`` have the values that the editor was shown and those that
    are stored now, as a browser sends them, by the names of fields. ``touched`` names
    the fields that the editor changed: they keep what the editor entered.
    """
    changed = {name for name in stored if stored[name] != shown.get(name)}
    headline = conflict_message(f"“{isolate(subject)}”")
    form.add_error(None, [headline, *_changes(form, stored, changed, touched)])
    untouched = changed - {*touched}
    replace_data(form, {form.add_prefix(name): stored[name] for name in untouched})


def replace_data(form: forms.BaseForm, values: Mapping[str, str]) -> None:
    """Replace some of the data that ``form`` was sent with, so that it shows them."""
    data: Any = form.data
    form.data = data = data.copy()
    for name, value in values.items():
        data[name] = value


def _changes(
    form: forms.BaseForm,
    stored: Mapping[str, str],
    changed: Collection[str],
    touched: Collection[str],
) -> Iterator[str]:
    """Yield a message for each of the ``changed`` fields, in the form's order."""
    for name, field in form.fields.items():
        if name not in changed:
            continue
        mine = form.data.get(form.add_prefix(name))
        values = {
            "field": field.label,
            "theirs": isolate(_readable(field, stored[name])),
            "mine": isolate(_readable(field, mine)),
        }
        if name in touched:
            yield _("%(field)s: now %(theirs)s; you entered %(mine)s.") % values
        else:
            yield _("%(field)s: now %(theirs)s; your form has been updated.") % values


def _readable(field: forms.Field, sent: str | None) -> str:
    """Return the text that people see for the value ``sent`` by a browser."""
    if isinstance(field, forms.BooleanField):
        return _("no") if sent in {None, "", "False"} else _("yes")
    if choices := getattr(field, "choices", None):
        labels = {str(value): str(label) for value, label in choices}
        return labels.get(sent or "", "–")
    return sent or "–"
