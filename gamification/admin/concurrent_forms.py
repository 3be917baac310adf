"""How every form of the admin treats concurrent edits.

A form carries a tag of what its editor was shown. If that is no longer what is stored
when the form is sent, nothing is saved. The form then reports what somebody else
changed, takes over the stored values of fields that the editor did not touch, and
carries the new tag, so that sending it again saves the rest. A form that is sent twice
is no conflict: all that its editor changed is stored already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.db import router
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from gamification.admin.ui.formatting import isolate

#: The longest time from the storing of an edit to its log entry.
_LOGGED_WITHIN: Final = timedelta(seconds=10)


class TagField(forms.CharField):
    """A hidden field with the tag of what the editor was shown."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        # The editor cannot change it.
        return False


class Checkboxes(forms.CheckboxSelectMultiple):
    """Checkboxes whose value is one text: the chosen keys with commas between."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        return ",".join(super().value_from_datadict(data, files, name) or ())

    def format_value(self, value: Any) -> list[str]:
        return [*filter(None, value.split(","))]


class ListField(forms.Field):
    """Several of some choices, in their order, as checkboxes."""

    widget = Checkboxes
    hidden_widget = forms.HiddenInput

    def __init__(self, *, choices: Any = (), **options: Any) -> None:
        super().__init__(required=False, **options)
        self.set_choices(choices)

    def set_choices(self, choices: Any) -> None:
        """Offer these pairs of a value and a label."""
        self.labels = dict(choices)
        self.widget.choices = [*self.labels.items()]

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else ",".join(map(str, value or ()))

    def to_python(self, value: Any) -> list[Any]:
        keys = {*self.prepare_value(value).split(",")} - {""}
        known = {str(each): each for each in self.labels}
        if unknown := keys - known.keys():
            message = _("%(value)s is not one of the choices.")
            raise forms.ValidationError(message % {"value": min(unknown)}, "invalid")
        return [each for text, each in known.items() if text in keys]

    def readable(self, sent: str) -> str:
        """Return the labels of what a browser sent."""
        keys = {*sent.split(",")}
        chosen = (label for each, label in self.labels.items() if str(each) in keys)
        return ", ".join(map(str, chosen))


def conflict_message(subject: object, editor: str = "") -> str:
    """Return the message that ``editor``, or somebody else, changed ``subject``."""
    message = _(
        "%(editor)s changed %(subject)s in the meantime. Nothing has been saved: "
        "check the values, then try again."
    )
    return message % {"subject": subject, "editor": editor or _("Somebody else")}


def last_editor(item: Any) -> str:
    """Return who saved ``item`` last and when; "" if the log does not say."""
    rows = LogEntry.objects.using(router.db_for_write(LogEntry))
    log = rows.select_related("user").filter(
        content_type=get_content_type_for_model(item),
        object_id=item.pk,
        action_time__gte=item.updated_at - _LOGGED_WITHIN,
    )
    entry = log.order_by("-action_time").first()
    if entry is None:
        return ""
    time = date_format(localtime(entry.action_time), "SHORT_DATETIME_FORMAT")
    return _("%(user)s (%(time)s)") % {"user": isolate(entry.user), "time": time}


def as_sent(field: forms.Field, value: object) -> str:
    """Return ``value`` as a browser sends it, with the line ends that are stored."""
    prepared = field.prepare_value(value)
    return "" if prepared is None else str(prepared).replace("\r\n", "\n")


def is_stored(
    form: forms.BaseForm, stored: Mapping[str, str], touched: Collection[str]
) -> bool:
    """Say whether all that the editor changed is stored, as after a second click.

    ``stored`` has the values that are stored now, as a browser sends them, by the names
    of fields. ``touched`` names the fields that the editor changed.
    """
    return bool(touched) and all(
        name in stored and not _differs(form[name], stored[name]) for name in touched
    )


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
    headline = conflict_message(f"“{isolate(subject)}”", last_editor(subject))
    form.add_error(None, [headline, *_changes(form, stored, changed, touched)])
    untouched = changed - {*touched}
    replace_data(form, {form.add_prefix(name): stored[name] for name in untouched})


def replace_data(form: forms.BaseForm, values: Mapping[str, str]) -> None:
    """Replace some of the data that ``form`` was sent with, so that it shows them."""
    data: Any = form.data
    form.data = data = data.copy()
    for name, value in values.items():
        data[name] = value


def _differs(bound: forms.BoundField, stored: str) -> bool:
    sent = bound.data
    if isinstance(sent, str):
        sent = sent.replace("\r\n", "\n")
    return bound.field.has_changed(bound.field.to_python(stored), sent)


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
    if readable := getattr(field, "readable", None):
        return readable(sent or "") or "–"
    if isinstance(field, forms.BooleanField):
        return _("no") if sent in {None, "", "False"} else _("yes")
    if sent and (choices := getattr(field, "choices", None)):
        labels = {str(value): str(label) for value, label in choices}
        return labels.get(sent, "–")
    return sent or "–"
