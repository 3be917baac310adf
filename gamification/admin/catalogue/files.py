"""Pages that export the catalogue as a file and import it, with a preview."""

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

from gamification.admin.base import GamificationAdmin, as_admin_form, log_transaction
from gamification.admin.catalogue.achievements.activation import announce_reach
from gamification.admin.concurrent_forms import TagField, conflict_message
from gamification.exceptions import (
    InvalidDefinitionsError,
    LevelsPinnedError,
    StaleEditError,
)
from gamification.models import JobKind, Level
from gamification.staff import (
    DEFINITION_FIELDS,
    DEFINITION_MODELS,
    Effect,
    apply_definitions,
    changed_reach,
    compare_definitions,
    export_definitions,
    find_job,
    has_all_permissions,
)
from gamification.values import Differences, ItemDifference

#: The largest file, in bytes. The preview carries it in a form, and Django accepts
#: 2.5 MB there.
MAX_SIZE: Final = 1_000_000


class CatalogueFileForm(forms.Form):
    """Asks for a catalogue: a file or its text."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
    )
    text = forms.CharField(
        label=gettext_lazy("Or paste its text"),
        required=False,
        strip=False,
        widget=AdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        file, text = self.cleaned_data.get("file"), self.cleaned_data.get("text", "")
        if bool(file) == bool(text) and not self.errors:
            raise ValidationError(_("Either choose a file or paste its text."))
        data = file.read(MAX_SIZE + 1) if file else text.encode()
        if len(data) > MAX_SIZE:
            message = _(
                "The file is larger than %(most)s bytes. Use the management command "
                "instead."
            )
            raise ValidationError(message % {"most": f"{MAX_SIZE:,}"})
        return {"data": data}


class ApplyForm(forms.Form):
    """Applies the catalogue that was previewed."""

    text = forms.CharField(strip=False, widget=forms.HiddenInput)
    tag = TagField()


class DefinitionChange(NamedTuple):
    """A definition that an import adds, changes or removes, as the preview shows it."""

    effect: str
    name: str
    #: Labels of fields, each with the values before and after.
    fields: list[tuple[str, str, str]]


class CatalogueFileMixin(GamificationAdmin):
    """Adds the pages for export and import to a list of definitions."""

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, f"gamification_{self.opts.model_name}"
        return [
            path("export/", view(self.export_view), name=f"{name}_export"),
            path("import/", view(self.import_view), name=f"{name}_import"),
            *super().get_urls(),
        ]

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """Send the catalogue as a file."""
        _check_permissions(request, "view")
        return HttpResponse(
            export_definitions(),
            content_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="catalogue.json"'},
        )

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a file, preview its changes, and then apply exactly these."""
        _check_permissions(request, "add", "change")
        if request.method != "POST":
            return self._ask_for_file(request, CatalogueFileForm())
        if "tag" in request.POST:
            return self._apply_definitions(request)
        form = CatalogueFileForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._ask_for_file(request, form)
        return self._preview(request, form, form.cleaned_data["data"])

    def _preview(
        self, request: HttpRequest, form: CatalogueFileForm, data: bytes
    ) -> TemplateResponse:
        try:
            differences = compare_definitions(data)
        except InvalidDefinitionsError as error:
            return self._ask_for_file(request, form, error.errors)
        # The page carries the text, so that a preview stores nothing on the server.
        # The tag makes sure that only the previewed changes can be applied.
        initial = {"text": data.decode(), "tag": differences.tag}
        context = {
            "title": _("Import the catalogue"),
            "changes": [_change(item) for item in differences.edits],
            "absent": [_name_of(item) for item in differences.having(Effect.ABSENT)],
            "unchanged": len(differences.having(Effect.UNCHANGED)),
            "form": ApplyForm(initial=initial),
            "may_apply": _may_apply(request, differences),
        }
        return self.render_page(
            request, "gamification/admin/definitions_preview.html", context
        )

    def _apply_definitions(self, request: HttpRequest) -> HttpResponse:
        form = ApplyForm(request.POST)
        if not form.is_valid():
            return self._ask_for_file(request, CatalogueFileForm())
        text, tag = form.cleaned_data["text"], form.cleaned_data["tag"]
        try:
            with log_transaction():
                differences = apply_definitions(text, expected=tag, actor=request.user)
                if not _may_apply(request, differences):
                    raise PermissionDenied
        except LevelsPinnedError as error:
            self.message_user(request, str(error), messages.ERROR)
            return self._ask_for_file(
                request, CatalogueFileForm(initial={"text": text})
            )
        except (InvalidDefinitionsError, StaleEditError):
            return self._preview_again(request, text)
        self.message_user(request, _count_changes(differences), messages.SUCCESS)
        announce_reach(self, request, changed_reach(differences))
        if differences.job_id:
            return self.show_begun(request, find_job(differences.job_id))
        return redirect(self.address_of(f"{self.opts.model_name}_changelist"))

    def _preview_again(self, request: HttpRequest, text: str) -> TemplateResponse:
        """Preview a file whose previewed changes are no longer those to make."""
        asked = CatalogueFileForm(initial={"text": text})
        response = self._preview(request, asked, text.encode())
        # A file that was applied twice has no changes left, as the preview says.
        if (response.context_data or {}).get("changes") != []:
            message = conflict_message(_("the catalogue"))
            self.message_user(request, message, messages.ERROR)
        return response

    def _ask_for_file(
        self,
        request: HttpRequest,
        form: CatalogueFileForm,
        errors: Sequence[tuple[str, str]] = (),
    ) -> TemplateResponse:
        """Ask for a file, and show the errors of the previous one."""
        context = {
            "title": _("Import the catalogue"),
            "form": form,
            "adminform": as_admin_form(form),
            "errors": errors,
        }
        return self.render_page(
            request, "gamification/admin/definitions_import.html", context
        )


def _check_permissions(request: HttpRequest, *actions: str) -> None:
    """Raise ``PermissionDenied`` unless ``actions`` are allowed on every kind."""
    names = [
        f"gamification.{action}_{model._meta.model_name}"
        for model in DEFINITION_MODELS.values()
        for action in actions
    ]
    if not has_all_permissions(request.user, names):
        raise PermissionDenied


def _may_apply(request: HttpRequest, differences: Differences) -> bool:
    """Say whether the user may change the levels that the file changes, if any."""
    permissions = JobKind.LEVELS.permissions if differences.changes_levels else ()
    return has_all_permissions(request.user, permissions)


def _name_of(item: ItemDifference) -> str:
    models = {**DEFINITION_MODELS, "level": Level}
    return f"{models[item.kind]._meta.verbose_name} {item.key}"


def _change(item: ItemDifference) -> DefinitionChange:
    fields = DEFINITION_FIELDS[item.kind]
    return DefinitionChange(
        item.effect.value,
        _name_of(item),
        [
            (str(capfirst(fields[each.name].verbose_name)), *each.values)
            for each in item.fields
        ],
    )


def _count_changes(differences: Differences) -> str:
    counts = {str(each): len(differences.having(each)) for each in Effect}
    if differences.having(Effect.REMOVED):
        text = _("Added: %(added)s. Changed: %(changed)s. Removed: %(removed)s.")
    else:
        text = _("Added: %(added)s. Changed: %(changed)s.")
    return text % counts
