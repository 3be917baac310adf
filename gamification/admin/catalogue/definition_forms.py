"""Forms of activities and achievements, which several people may edit at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext as _

from gamification.admin.concurrent_forms import (
    TagField,
    as_sent,
    is_stored,
    replace_data,
    report_conflict,
)
from gamification.staff import definition_tag, lock_definition

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
    ModelFormSet = forms.BaseModelFormSet[Any, Any]
else:
    ModelForm = forms.ModelForm
    ModelFormSet = forms.BaseModelFormSet


class TaggedModelForm(ModelForm):
    """A form that saves only what its editor changed, and overwrites nobody's edit.

    Besides the tag, the form carries the value that the editor was shown in each
    field.
    """

    tag = TagField(required=False)

    @staticmethod
    def tag_of(item: Any) -> str:
        """Return a digest of the fields of an item that staff edit."""
        return definition_tag(item)

    @staticmethod
    def lock(item: Any) -> Any:
        """Return the stored item, locked against other editors."""
        return lock_definition(type(item), item.key)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self._stored_fields().values():
            field.show_hidden_initial = True
        if self.instance.pk:
            self.initial["tag"] = self.tag_of(self.instance)

    def check_conflict(self, stored: Any) -> None:
        """Add an error if ``stored`` is not what the editor was shown."""
        if stored is None:
            self.add_error(None, _("Somebody else deleted it in the meantime."))
        elif self.cleaned_data.get("tag") != self.tag_of(stored):
            self._rebase(stored)

    def _rebase(self, stored: Any) -> None:
        """Report what others changed, and make ``stored`` what the editor was shown.

        There is nothing to report if they changed what the editor did.
        """
        fields = self._stored_fields()
        values = {name: _sent_value(fields[name], stored, name) for name in fields}
        if is_stored(self, values, self.changed_data):
            self.cleaned_data["tag"] = self.tag_of(stored)
            return
        initial = {name: self.add_initial_prefix(name) for name in fields}
        sent = {name: self.data.get(initial[name]) or "" for name in fields}
        shown = {name: sent[name].replace("\r\n", "\n") for name in fields}
        report_conflict(
            self, stored, shown=shown, stored=values, touched={*self.changed_data}
        )
        tag = {self.add_prefix("tag"): self.tag_of(stored)}
        replace_data(self, tag | {initial[name]: values[name] for name in fields})

    def _stored_fields(self) -> dict[str, forms.Field]:
        """Return the fields that are columns of the model."""
        options = self._meta.model._meta
        own = {field.name for field in options.concrete_fields} - {options.pk.name}
        return {name: field for name, field in self.fields.items() if name in own}


class DefinitionRowForm(TaggedModelForm):
    """The form of one row of a list, where only column headings label the fields."""

    def _update_errors(self, errors: Any) -> None:
        """Report at the row what is wrong with a field that the list does not have."""
        known = {*self.fields, NON_FIELD_ERRORS}
        found = getattr(errors, "error_dict", {})
        hidden = [each for name in found.keys() - known for each in found.pop(name)]
        if hidden:
            found.setdefault(NON_FIELD_ERRORS, []).extend(hidden)
        super()._update_errors(errors)  # type: ignore[misc]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self._stored_fields().values():
            field.widget.attrs["aria-label"] = f"{self.instance}: {field.label}"
            # Lists show no help texts, so no field may refer to one.
            field.help_text = ""


class DefinitionForm(TaggedModelForm):
    """The form of one activity or achievement, on its own page."""

    #: The button that previews the effect of the form and saves nothing.
    PREVIEW = "_preview"

    @property
    def is_preview(self) -> bool:
        return self.PREVIEW in self.data

    def is_valid(self) -> bool:
        return super().is_valid() and not self.is_preview

    def clean(self) -> dict[str, Any] | None:
        item = self.instance
        if item.pk and self.is_preview:
            self.check_conflict(item)
        elif item.pk:
            self.check_conflict(self.lock(item))
        return super().clean()


class DefinitionFormSet(ModelFormSet):
    """The forms of a list: all of them are saved, or none."""

    def clean(self) -> None:
        super().clean()
        changed = [form for form in self.initial_forms if form.has_changed()]
        # Locking in the order of keys prevents deadlocks between two editors.
        for form in sorted(changed, key=lambda form: form.instance.key):
            form.check_conflict(form.lock(form.instance))


def _sent_value(field: forms.Field, stored: Any, name: str) -> str:
    """Return the stored value of ``field`` as a browser sends it."""
    column: Any = stored._meta.get_field(name)
    return as_sent(field, column.value_from_object(stored))
