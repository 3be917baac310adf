"""Forms that tell an editor when somebody else saved meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from gamification.models import Achievement, Activity
from gamification.staff import (
    definition_tag,
    lock_definition,
)

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
    ModelFormSet = forms.BaseModelFormSet[Any, Any]
else:
    ModelForm = forms.ModelForm
    ModelFormSet = forms.BaseModelFormSet


class TagField(forms.CharField):
    """The tag of what the editor was shown."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        # It is others who change it.
        return False


class SharedForm(ModelForm):
    """A form of an item that several people may edit at once.

    Each field carries what its editor was shown, so that only what they changed is
    saved; the tag tells whether that is still what is stored.
    """

    tag = TagField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self._shared().values():
            field.show_hidden_initial = True
        if self.instance.pk:
            self.initial["tag"] = definition_tag(self.instance)

    def compare(self, stored: Achievement | Activity | None) -> None:
        """Refuse to save over what is ``stored``, if that is not what was shown.

        What somebody else changed, and the editor did not, is taken over; another
        attempt saves the rest.
        """
        if stored is None:
            self.add_error(None, _("Somebody else deleted it meanwhile."))
        elif self.cleaned_data.get("tag") != definition_tag(stored):
            headline = _(
                "Somebody else changed “{name}” meanwhile. Nothing is saved yet: "
                "look at the values, and save again."
            )
            changes = self._rebase(stored)
            self.add_error(
                None, [format_html(headline, name=_own(stored.name)), *changes]
            )

    def _shared(self) -> dict[str, forms.Field]:
        """Return the fields that are the item's own."""
        options = self._meta.model._meta
        own = {field.name for field in options.concrete_fields} - {options.pk.name}
        return {name: field for name, field in self.fields.items() if name in own}

    def _rebase(self, stored: Achievement | Activity) -> list[str]:
        """Make ``stored`` what was shown; return what others changed, in words."""
        touched, changes = set(self.changed_data), list[str]()
        data: Any = self.data
        data = self.data = data.copy()
        data[self.add_prefix("tag")] = definition_tag(stored)
        for name, field in self._shared().items():
            column: Any = stored._meta.get_field(name)
            value = column.value_from_object(stored)
            theirs = _raw(field.prepare_value(value))
            if theirs == _raw(data.get(self.add_initial_prefix(name))):
                continue
            data[self.add_initial_prefix(name)] = theirs
            if name in touched:
                mine = data.get(self.add_prefix(name))
                changes.append(_conflict(field, theirs, mine))
            else:
                data[self.add_prefix(name)] = theirs
                changes.append(_difference(field, theirs))
        return changes


class SharedRowForm(SharedForm):
    """The form of an item in a list, where the head of a column is its only label."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self._shared().values():
            field.widget.attrs["aria-label"] = f"{self.instance}: {field.label}"
            # It is not shown in a list, and nothing shall refer to it.
            field.help_text = ""


class SharedItemForm(SharedForm):
    """The form of one item."""

    #: The button that shows what the form would do, and saves nothing.
    PREVIEW = "_preview"

    @property
    def is_preview(self) -> bool:
        return self.PREVIEW in self.data

    def is_valid(self) -> bool:
        return super().is_valid() and not self.is_preview

    def clean(self) -> dict[str, Any] | None:
        item = self.instance
        if item.pk and self.is_preview:
            self.compare(item)
        elif item.pk:
            self.compare(lock_definition(type(item), item.key))
        return super().clean()


class SharedFormSet(ModelFormSet):
    """The forms of a list, which are saved together or not at all."""

    def clean(self) -> None:
        super().clean()
        changed = [form for form in self.initial_forms if form.has_changed()]
        # Two editors who lock the same rows do it in the same order.
        for form in sorted(changed, key=lambda form: form.instance.key):
            form.compare(lock_definition(type(form.instance), form.instance.key))


def _raw(value: object) -> str:
    """Return ``value`` as a browser sends it, but for the ends of lines."""
    return "" if value is None else str(value).replace("\r\n", "\n")


def _difference(field: forms.Field, theirs: str) -> str:
    message = _("{field}: {theirs} now, which is taken over.")
    return format_html(message, field=field.label, theirs=_own(_shown(field, theirs)))


def _conflict(field: forms.Field, theirs: str, mine: str | None) -> str:
    values = {"theirs": _own(_shown(field, theirs)), "mine": _own(_shown(field, mine))}
    message = _("{field}: {theirs} now; yours is {mine}.")
    return format_html(message, field=field.label, **values)


def _own(text: str) -> SafeString:
    """Return ``text`` so that the direction of its script ends with it."""
    return format_html("<bdi>{}</bdi>", text)


def _shown(field: forms.Field, raw: str | None) -> str:
    """Return what a person reads for what a browser sends."""
    if isinstance(field, forms.BooleanField):
        return _("no") if raw in {None, "", "False"} else _("yes")
    if choices := getattr(field, "choices", None):
        labels = {str(value): str(label) for value, label in choices}
        return labels.get(raw or "", "–")
    return raw or "–"
