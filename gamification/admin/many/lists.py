"""Pages on which staff award to a list of users, revoke from it, or adjust its XP."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.base import GamificationAdmin
from gamification.admin.concurrent_forms import replace_data
from gamification.admin.many.pages import MAX_LISTED, ManyForm, act_view
from gamification.exceptions import GamificationError
from gamification.models import Achievement, Job, JobKind
from gamification.staff import Act, UserList, begin_list, find_users, preview_list
from gamification.values import ActPreview

#: The largest file, in bytes: 50,000 e-mail addresses of 40 characters.
MAX_FILE: Final = 2_000_000


class ListForm(ManyForm):
    """Asks for a list of users. Subclasses ask for what happens to them."""

    kind: ClassVar[JobKind]

    users = forms.CharField(
        label=gettext_lazy("Users"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "User names, e-mail addresses or keys, separated by line ends, commas or "
            "semicolons. If the first line has the heading username, email or key, "
            "only that column counts."
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("Or a file"),
        required=False,
        help_text=gettext_lazy("A CSV file, which replaces the list above."),
    )

    def clean_file(self) -> None:
        """Take over the content of the file as the list of users."""
        file: UploadedFile[bytes] | None = self.cleaned_data["file"]
        if file is None:
            return
        if (file.size or 0) > MAX_FILE:
            message = _("The file is larger than %(most)s bytes.")
            raise ValidationError(message % {"most": f"{MAX_FILE:,}"})
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValidationError(_("The file is not UTF-8 text.")) from error
        replace_data(self, {"users": text})
        self.cleaned_data["users"] = text

    def clean(self) -> dict[str, Any] | None:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                self.found: UserList = find_users(cleaned["users"])
            except GamificationError as error:
                self.add_error("users", str(error))
        return cleaned

    @property
    def act(self) -> Act:
        """The act to do to each of the users."""
        names = ("achievement", "amount", "celebrate")
        given = {n: self.cleaned_data[n] for n in names if n in self.cleaned_data}
        return Act(kind=self.kind, **given, **self.notes)

    def play(self, actor: Any) -> ActPreview:
        # Only beginning needs a note; a preview does not.
        act = self.act if self.act.note else Act(**_noted(self.act))
        return preview_list(act, self.found.found, actor=actor)

    def start(self, actor: Any, key: str) -> Job:
        users, request = self.found.found, self.request
        return begin_list(self.act, users, actor=actor, key=key, request=request)

    def name_of(self, user_id: Any) -> str:
        return self.found.found[user_id]

    @cached_property
    def missing(self) -> list[tuple[str, int, list[str]]]:
        """Labels with names that match no user, or several, and how many there are."""
        sorts = (
            (_("Not found"), self.found.unknown),
            (_("Match several users"), self.found.ambiguous),
        )
        found = [(label, names) for label, names in sorts if names]
        return [(label, len(names), [*names[:MAX_LISTED]]) for label, names in found]


class _CelebratingForm(ListForm):
    celebrate = forms.BooleanField(
        label=gettext_lazy("Celebrate"),
        required=False,
        help_text=gettext_lazy(
            "Show the users what they got. Otherwise, it happens silently."
        ),
    )


class AwardListForm(_CelebratingForm):
    kind = JobKind.AWARD
    decisive = ("achievement", "celebrate", "users")
    field_order = ("achievement", "users", "file", "celebrate", "note", "internal_note")
    achievement = forms.ChoiceField(label=gettext_lazy("Achievement"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_choices(self, status="active")


class RevocationListForm(ListForm):
    kind = JobKind.REVOCATION
    decisive = ("achievement", "users")
    field_order = ("achievement", "users", "file", "note", "internal_note")
    achievement = forms.ChoiceField(label=gettext_lazy("Achievement"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_choices(self)


class AdjustmentListForm(_CelebratingForm):
    kind = JobKind.ADJUSTMENT
    decisive = ("amount", "celebrate", "users")
    field_order = ("amount", "users", "file", "celebrate", "note", "internal_note")
    amount = forms.IntegerField(
        label=gettext_lazy("XP"),
        help_text=gettext_lazy(
            "For each user. For example, 50 adds XP, and -50 takes it."
        ),
    )


#: The forms by the kind of job that they begin.
FORMS: Final[dict[str, type[ListForm]]] = {
    form.kind.value: form
    for form in (AwardListForm, RevocationListForm, AdjustmentListForm)
}


class ListMixin(GamificationAdmin):
    """Adds the pages of acts on a list of users to the pages of jobs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.list_view)
        return [
            path(f"{kind}/", view, {"kind": kind}, name=f"gamification_job_{kind}")
            for kind in FORMS
        ] + super().get_urls()

    def list_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Ask for a list of users, preview the act on them, and begin it."""
        form = FORMS[kind](initial={"achievement": request.GET.get("achievement")})
        if request.method == "POST":
            form = FORMS[kind](request.POST, request.FILES)
        template = "admin/gamification/job/list.html"
        return act_view(self, request, JobKind(kind), form, template)


def _set_choices(form: forms.Form, **conditions: Any) -> None:
    rows = Achievement.objects.filter(**conditions).values_list("key", "name")
    form.fields["achievement"].choices = [("", "–"), *rows]  # type: ignore[attr-defined]


def _noted(act: Act) -> dict[str, Any]:
    return {"kind": act.kind, **act.parameters(), "note": "–"}
