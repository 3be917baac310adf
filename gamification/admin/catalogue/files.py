"""The catalogue as a file: out to it, and in again after a look at what differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django import forms
from django.contrib import messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.base import GamificationAdmin, sectioned, written_down
from gamification.exceptions import InvalidDefinitionsError, StaleEditError
from gamification.staff import (
    DEFINITION_FIELDS,
    DEFINITION_MODELS,
    Differences,
    Effect,
    ItemDifference,
    apply_definitions,
    compare_definitions,
    export_definitions,
)

#: The largest file, in bytes: a page carries it, and Django takes 2.5 MB in a form.
MAX_SIZE: Final = 1_000_000


class DefinitionsForm(forms.Form):
    """A file of definitions or, instead, its text."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
    )
    text = forms.CharField(
        label=gettext_lazy("Or its text"),
        required=False,
        strip=False,
        widget=AdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        file, text = self.cleaned_data.get("file"), self.cleaned_data.get("text", "")
        if bool(file) == bool(text) and not self.errors:
            raise ValidationError(_("Choose a file or, instead, paste its text."))
        data = file.read(MAX_SIZE + 1) if file else text.encode()
        if len(data) > MAX_SIZE:
            message = _("It is larger than %(most)s bytes: use the command instead.")
            raise ValidationError(message % {"most": f"{MAX_SIZE:,}"})
        return {"data": data}


class ApplyForm(forms.Form):
    """What was looked at, to be applied."""

    text = forms.CharField(strip=False, widget=forms.HiddenInput)
    expected = forms.CharField(widget=forms.HiddenInput)


class Edit(NamedTuple):
    """An item that is added or changed, in words."""

    is_added: bool
    name: str
    #: Names of fields, with their values before and after.
    fields: list[tuple[str, str, str]]


class DefinitionsAdmin(GamificationAdmin):
    """Lists from which the catalogue is exported, and where it is imported."""

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, f"gamification_{self.opts.model_name}"
        return [
            path("export/", view(self.export_view), name=f"{name}_export"),
            path("import/", view(self.import_view), name=f"{name}_import"),
            *super().get_urls(),
        ]

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """Send the catalogue as a file."""
        _check(request, "view")
        return HttpResponse(
            export_definitions(),
            content_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="catalogue.json"'},
        )

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a file; show what it would do; do that, and nothing else."""
        _check(request, "add", "change")
        if request.method != "POST":
            return self._ask_for_file(request, DefinitionsForm())
        if "expected" in request.POST:
            return self._apply_definitions(request)
        form = DefinitionsForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._ask_for_file(request, form)
        return self._show_differences(request, form, form.cleaned_data["data"])

    def _show_differences(
        self, request: HttpRequest, form: DefinitionsForm, data: bytes
    ) -> HttpResponse:
        try:
            differences = compare_definitions(data)
        except InvalidDefinitionsError as error:
            return self._ask_for_file(request, form, error.errors)
        # The page carries the text itself, so that nothing is kept of a look; whatever
        # is sent back, only what was looked at is applied.
        sent = {"text": data.decode(), "expected": differences.tag}
        context = {
            "title": _("Import definitions"),
            "edits": [_edit(item) for item in differences.edits],
            "absent": [_named(item) for item in differences.having(Effect.ABSENT)],
            "unchanged": len(differences.having(Effect.UNCHANGED)),
            "form": ApplyForm(initial=sent),
        }
        return self.own_page(
            request, "gamification/admin/definitions_preview.html", context
        )

    def _apply_definitions(self, request: HttpRequest) -> HttpResponse:
        form = ApplyForm(request.POST)
        if not form.is_valid():
            return self._ask_for_file(request, DefinitionsForm())
        text, expected = form.cleaned_data["text"], form.cleaned_data["expected"]
        try:
            with written_down():
                differences = apply_definitions(text, expected=expected)
                self._log_edits(request, differences)
        except (InvalidDefinitionsError, StaleEditError):
            message = _("Somebody edited the catalogue meanwhile. Nothing was saved.")
            self.message_user(request, message, messages.ERROR)
            asked = DefinitionsForm(initial={"text": text})
            return self._show_differences(request, asked, text.encode())
        self.message_user(request, _told(differences), messages.SUCCESS)
        return redirect(self.address_of(f"{self.opts.model_name}_changelist"))

    def _log_edits(self, request: HttpRequest, differences: Differences) -> None:
        rows = {
            kind: model._default_manager.in_bulk(
                [item.key for item in differences.edits if item.kind == kind],
                field_name="key",
            )
            for kind, model in DEFINITION_MODELS.items()
        }
        for item in differences.edits:
            is_new, row = item.effect is Effect.ADDED, rows[item.kind][item.key]
            log = self.log_addition if is_new else self.log_change
            fields = "" if is_new else f": {', '.join(map(str, item.fields))}"
            log(request, row, _("Imported%(fields)s.") % {"fields": fields})

    def _ask_for_file(
        self,
        request: HttpRequest,
        form: DefinitionsForm,
        errors: Sequence[tuple[str, str]] = (),
    ) -> TemplateResponse:
        """Ask for a file, and say what is wrong with the one before."""
        context = {
            "title": _("Import definitions"),
            "form": form,
            "adminform": sectioned(form),
            "errors": errors,
        }
        return self.own_page(
            request, "gamification/admin/definitions_import.html", context
        )


def _check(request: HttpRequest, *actions: str) -> None:
    """Raise ``PermissionDenied`` unless all of the catalogue may be acted on so."""
    names = [
        f"gamification.{action}_{kind}"
        for kind in DEFINITION_MODELS
        for action in actions
    ]
    if not request.user.has_perms(names):
        raise PermissionDenied


def _named(item: ItemDifference) -> str:
    return f"{DEFINITION_MODELS[item.kind]._meta.verbose_name} {item.key}"


def _edit(item: ItemDifference) -> Edit:
    fields = DEFINITION_FIELDS[item.kind]
    return Edit(
        item.effect is Effect.ADDED,
        _named(item),
        [
            (str(capfirst(fields[each.name].verbose_name)), *each.values)
            for each in item.fields
        ],
    )


def _told(differences: Differences) -> str:
    counts = {str(each): len(differences.having(each)) for each in Effect}
    return _("Added: %(added)s. Changed: %(changed)s.") % counts
