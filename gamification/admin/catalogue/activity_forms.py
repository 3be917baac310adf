"""The form of an activity, with its attributes as lines of a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.catalogue.definition_forms import DefinitionForm
from gamification.models import Activity
from gamification.staff import check_carried, check_declaration
from gamification.suggestions import shown


class AttributesField(forms.CharField):
    """Attributes with their types, one on each line: ``genre: string``."""

    widget = AdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return "\n".join(f"{key}: {kind}" for key, kind in sorted(value.items()))

    def to_python(self, value: Any) -> Any:
        lines = [*_lines(super().to_python(value) or "")]
        attributes = dict(lines)
        if len(attributes) < len(lines):
            raise ValidationError(_("An attribute has two lines."), code="repeated")
        check_declaration(attributes)
        return attributes

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or {}))
        except ValidationError:
            return True


class ActivityForm(DefinitionForm):
    """The form of one activity."""

    attributes = AttributesField(
        label=capfirst(Activity._meta.get_field("attributes").verbose_name),
        required=False,
        widget=AdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Attributes of records, one on each line with its type, such as “genre: "
            "string”, “pages: integer” or “is_signed: boolean”. A type stays while "
            "entries of the ledger have the attribute."
        ),
    )

    def clean_attributes(self) -> Any:
        """Return the attributes, whose types must be those that entries have."""
        attributes = self.cleaned_data["attributes"]
        check_carried(self.instance, self.instance.attributes, attributes)
        return attributes


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield key and type of each line that is not empty."""
    for line in filter(None, map(str.strip, text.splitlines())):
        key, colon, kind = line.partition(":")
        if not colon:
            message = _("%(line)s has no type: write it as “genre: string”.")
            raise ValidationError(message % {"line": shown(line)}, code="invalid")
        yield key.strip(), kind.strip()
