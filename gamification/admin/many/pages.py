"""The base of pages for acts on many users: preview, tag, and how an act begins."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final
from uuid import uuid4

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from gamification.admin.base import GamificationAdmin, log_transaction
from gamification.admin.concurrent_forms import TagField, replace_data
from gamification.admin.notes import NotesForm
from gamification.exceptions import GamificationError
from gamification.models import Achievement, Job, JobKind
from gamification.staff import find_first_job, fingerprint, has_all_permissions
from gamification.values import ActPreview

#: A preview lists at most this many names of each sort.
MAX_LISTED: Final = 100


class ManyForm(NotesForm):
    """Asks for an act on many users. It begins only what was previewed."""

    #: The fields that decide what happens: the preview is of these values.
    decisive: ClassVar[tuple[str, ...]]

    #: Identifies what the staff member was shown, and when: a form that is sent twice
    #: begins one job.
    tag = TagField(required=False)

    def preview(self, actor: Any) -> ActPreview | None:
        """Return what would happen; return None, with an error, if it is refused."""
        try:
            preview = self.play(actor)
        except GamificationError as error:
            self.add_error(None, str(error))
            return None
        if not self._is_tagged:
            replace_data(self, {"tag": f"{self._own_tag}:{uuid4().hex}"})
        return preview

    def begun(self, actor: Any) -> Job | None:
        """Return the job that this form began when it was sent earlier, if it was.

        The users and the achievement may have changed since then, so the form is not
        checked again.
        """
        with suppress(GamificationError):
            return find_first_job(self.request, actor=actor, key=self.data.get("tag"))
        return None

    def begin(self, actor: Any) -> Job | None:
        """Begin what was previewed; return None, with an error, if it is refused."""
        if not self._is_tagged:
            message = _("The selection has changed. Check the new preview.")
            self.add_error(None, message)
        elif self.require_reason():
            try:
                return self.start(actor, self.cleaned_data["tag"])
            except GamificationError as error:
                self.add_error(None, str(error))
        return None

    @property
    def _is_tagged(self) -> bool:
        """Whether the form was sent with the tag of a preview of these values."""
        tag: str = self.cleaned_data["tag"]
        return tag.partition(":")[0] == self._own_tag

    @property
    def _own_tag(self) -> str:
        return fingerprint(*self._sent(*self.decisive))

    @property
    def request(self) -> list[str]:
        """All that was sent for the job."""
        return self._sent(*self.decisive, "note", "internal_note")

    def _sent(self, *names: str) -> list[str]:
        values = [self.data.get(name, "") for name in names]
        # Browsers change line ends.
        texts = ["\n".join(value.split()) for value in values]
        return [type(self).__name__, *texts]

    @abstractmethod
    def play(self, actor: Any) -> ActPreview:
        """Return what would happen now; raises the errors of the services."""

    @abstractmethod
    def start(self, actor: Any, key: str) -> Job:
        """Begin the job; raises the errors of the services."""

    @abstractmethod
    def name_of(self, user_id: Any) -> str:
        """Return the name by which the staff member knows a user of the preview."""


def act_view(
    pages: GamificationAdmin,
    request: HttpRequest,
    kind: JobKind,
    form: ManyForm,
    template: str,
) -> HttpResponse:
    """Ask for an act, preview it, and begin it when that is confirmed."""
    if not has_all_permissions(request.user, kind.permissions):
        raise PermissionDenied
    if "_begin" in request.POST and (first := form.begun(request.user)):
        return pages.show_begun(request, first)
    context: dict[str, Any] = {"title": capfirst(kind.label), "form": form}
    if form.is_bound and form.is_valid():
        job = _begin(pages, request, form) if "_begin" in request.POST else None
        if job:
            return pages.show_begun(request, job)
        if preview := form.preview(request.user):
            context["preview"] = preview
            context |= describe_preview(preview, form)
    return pages.render_page(request, template, context)


def _begin(
    pages: GamificationAdmin, request: HttpRequest, form: ManyForm
) -> Job | None:
    with log_transaction():
        job = form.begin(request.user)
        if job and not job.is_replay:
            values = {"users": job.total, "note": form.notes_text}
            message = _("Begun for %(users)s users. %(note)s") % values
            pages.log_addition(request, job, message)
    return job


def describe_preview(preview: ActPreview, form: ManyForm) -> dict[str, Any]:
    """Return what the template shows of a preview besides its numbers."""
    keys = {*preview.unlocks, *preview.losses}
    rows = Achievement.objects.filter(key__in=keys).values_list("key", "name")
    names = dict(rows)
    reasons = Counter(reason for _user, reason in preview.skipped)
    return {
        "unlocks": _named(preview.unlocks, names),
        "losses": _named(preview.losses, names),
        "reasons": reasons.most_common(MAX_LISTED),
        "skipped": [
            (form.name_of(user_id), reason)
            for user_id, reason in preview.skipped[:MAX_LISTED]
        ],
    }


def _named(
    counts: Mapping[str, int], names: Mapping[str, str]
) -> list[tuple[str, int]]:
    return [(names[key], count) for key, count in sorted(counts.items())]
