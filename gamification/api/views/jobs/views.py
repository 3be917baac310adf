"""Jobs: work on many users, which staff begin, run, pause, abandon and take back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.http import Http404
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.idempotency import KEY_HEADER, REPLAYED_HEADER, header_key
from gamification.api.operations import Alternative, Decorator, operation
from gamification.api.pagination import (
    Page,
    PageQuery,
    page_example,
    page_serializer,
    paginate,
)
from gamification.api.permissions import check_permissions
from gamification.api.views.base import GamificationViewSet, not_found_on
from gamification.api.views.jobs.serializers import (
    ACT_EXAMPLE,
    EXAMPLE,
    PREVIEW_EXAMPLE,
    ActBody,
    ActPreviewSerializer,
    JobBody,
    JobSerializer,
    act_fields,
)
from gamification.api.views.outcomes import replay_headers
from gamification.api.views.users.serializers import NoteBody
from gamification.models import Job, JobKind
from gamification.staff import (
    Act,
    UserList,
    abandon_job,
    begin_list,
    begin_take_back,
    begin_undo,
    find_first_job,
    find_job,
    find_names,
    pause_job,
    preview_list,
    preview_take_back,
    resume_job,
    run_next_step,
    visible_jobs,
)
from gamification.suggestions import shown
from gamification.values import ActPreview

_PERMISSION = "gamification.run_job"

#: Errors of an act that cannot be done.
_ERRORS = (
    ours.InvalidActError,
    ours.InvalidSpanError,
    ours.UnknownAchievementError,
    ours.UnknownActivityError,
    ours.UnknownUserError,
    ours.AchievementNotActiveError,
)


def _controlling(**spec: Any) -> Decorator:
    """Return the operation that lets a job go on, or keeps it from that."""
    return operation(
        response=JobSerializer,
        permission=_PERMISSION,
        scope="write",
        errors=(ours.JobStateError,),
        **spec,
    )


class JobsViewSet(GamificationViewSet):
    """Jobs of staff. Each also requires the permission to do the same to one user."""

    lookup_field = "id"
    lookup_value_regex = "[0-9]{1,19}"

    @operation(
        query=PageQuery,
        response=page_serializer(JobSerializer),
        permission=_PERMISSION,
        response_example=page_example(EXAMPLE),
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> Page:
        """List the jobs that the user may run, latest first.

        With the permission to view jobs, it lists all of them.
        """
        jobs = visible_jobs(request.user)
        return paginate(request, query, jobs.count(), lambda a, b: [*jobs[a:b]])

    @operation(
        body=JobBody,
        response=JobSerializer,
        status=201,
        alternatives={200: Alternative("Begun before.", EXAMPLE)},
        request_headers=(KEY_HEADER,),
        response_headers=(REPLAYED_HEADER,),
        permission=_PERMISSION,
        scope="write",
        errors=(*_ERRORS, ours.InvalidKeyError, ours.IdempotencyConflictError),
        body_example={**ACT_EXAMPLE, "note": "Spoke at the conference."},
        response_example={**EXAMPLE, "done": 0, "skipped": 0, "xp": 0},
    )
    def create(self, request: Request, body: Mapping[str, Any]) -> Response:
        """Begin a job. Nothing happens to users until its first step.

        Send ``step`` until the state is ``finished``, or let
        ``manage.py gamification_job`` run it.
        """
        check_permissions(request.user, JobKind(body["kind"]).permissions)
        job = _begin(body, actor=request.user, key=header_key(request))
        return Response(
            JobSerializer.serialize(job),
            200 if job.is_replay else 201,
            headers=replay_headers(is_replay=job.is_replay),
        )

    @action(detail=False, methods=["post"])
    @operation(
        body=ActBody,
        response=ActPreviewSerializer,
        permission=_PERMISSION,
        scope="write",
        errors=_ERRORS,
        body_example=ACT_EXAMPLE,
        response_example=PREVIEW_EXAMPLE,
    )
    def preview(self, request: Request, body: Mapping[str, Any]) -> _Preview:
        """Preview what a job would do, with everything that follows from it.

        The preview changes nothing. For more than 1,000 users, it simulates a sample.
        """
        check_permissions(request.user, JobKind(body["kind"]).permissions)
        # Only beginning an adjustment needs a note; a preview does not.
        act, found = _act({**body, "note": "–"}), _users(body)
        if act.kind == JobKind.REVERSAL:
            preview = preview_take_back(act, user=_only(body, found))
        else:
            preview = preview_list(act, found.found, actor=request.user)
        return _Preview(preview, found)

    @operation(response=JobSerializer, permission=_PERMISSION, response_example=EXAMPLE)
    def retrieve(self, request: Request, id: str) -> Job:  # noqa: A002 - as ids
        """Return a job, and how far it has come. Reading it changes nothing."""
        return _find(request, id)

    @action(detail=True, methods=["post"])
    @operation(
        response=JobSerializer,
        permission=_PERMISSION,
        scope="write",
        response_example=EXAMPLE,
    )
    def step(self, request: Request, id: str) -> Job:  # noqa: A002 - as ids
        """Run the next step of a job.

        Nothing happens if the job is over or paused, or if somebody else runs a step.
        """
        return run_next_step(_checked(request, id), actor=request.user)

    @action(detail=True, methods=["post"])
    @_controlling(response_example={**EXAMPLE, "state": "paused"})
    def pause(self, request: Request, id: str) -> Job:  # noqa: A002 - as ids
        """Keep a job from running further steps."""
        return pause_job(_checked(request, id), actor=request.user)

    @action(detail=True, methods=["post"])
    @_controlling(response_example=EXAMPLE)
    def resume(self, request: Request, id: str) -> Job:  # noqa: A002 - as ids
        """Let a paused job run further steps."""
        return resume_job(_checked(request, id), actor=request.user)

    @action(detail=True, methods=["post"])
    @_controlling(response_example={**EXAMPLE, "state": "abandoned"})
    def abandon(self, request: Request, id: str) -> Job:  # noqa: A002 - as ids
        """End a job for good. Its changes so far remain until they are taken back."""
        return abandon_job(_checked(request, id), actor=request.user)

    @action(detail=True, methods=["post"])
    @_controlling(
        body=NoteBody,
        status=201,
        body_example={"note": "The wrong list."},
        response_example={**EXAMPLE, "id": 18, "kind": "undo", "undoes": 17},
    )
    def undo(
        self,
        request: Request,
        id: str,  # noqa: A002 - as ids
        body: Mapping[str, Any],
    ) -> Job:
        """Begin a job that takes back all that another one did.

        The other job must be over. Each user's totals become what they would be
        without it.
        """
        job_id = _checked(request, id)
        return begin_undo(job_id, actor=request.user, **body)


class _Preview:
    """A preview with the names that match no user or several users."""

    def __init__(self, preview: ActPreview, users: UserList) -> None:
        self.asked, self.played = preview.asked, preview.played
        self.is_exact = preview.is_exact
        self.users, self.xp = preview.users, preview.xp
        self.raised, self.lowered = preview.raised, preview.lowered
        self.unlocks, self.losses = preview.unlocks, preview.losses
        self.skipped = Counter(reason for _user, reason in preview.skipped)
        self.unknown, self.ambiguous = users.unknown, users.ambiguous


def _find(request: Request, job_id: str) -> Job:
    """Return the job; users who may not see it are not told whether it exists."""
    with not_found_on(ours.UnknownJobError):
        job = find_job(int(job_id))
    if not visible_jobs(request.user).filter(pk=job.pk).exists():
        raise Http404
    return job


def _checked(request: Request, job_id: str) -> int:
    """Return the number of a job that the user may run."""
    job = _find(request, job_id)
    check_permissions(request.user, job.permissions)
    return job.pk


def _begin(body: Mapping[str, Any], **who: Any) -> Job:
    """Return the job that ``body`` begins, or began when it was sent before."""
    request = sorted(body.items())
    if first := find_first_job(request, **who):
        return first
    act, found = _act(body), _users(body)
    if not body["skip_unknown"]:
        _refuse(found)
    if act.kind == JobKind.REVERSAL:
        return begin_take_back(act, user=_only(body, found), request=request, **who)
    return begin_list(act, found.found, request=request, **who)


def _act(body: Mapping[str, Any]) -> Act:
    """Return the act that ``body`` describes; raises ``InvalidActError``."""
    if body["kind"] == JobKind.ADJUSTMENT and "amount" not in body:
        raise ours.InvalidActError("An adjustment needs an amount.", field="amount")
    return Act(**act_fields(body))


def _users(body: Mapping[str, Any]) -> UserList:
    """Return the users whom ``body`` names."""
    names = body.get("users") or []
    if not names and body["kind"] == JobKind.REVERSAL:
        return UserList({})
    return find_names([name.strip() for name in names])


def _refuse(users: UserList) -> None:
    """Raise ``UnknownUserError`` if names match no user or several users."""
    wrong = [*users.unknown, *users.ambiguous]
    if wrong:
        message = (
            f"The list has names that match no user or several users: {len(wrong)}, "
            f"such as {shown(wrong[0])}. Correct them, or send skip_unknown."
        )
        raise ours.UnknownUserError(message)


def _only(body: Mapping[str, Any], users: UserList) -> Any:
    """Return the one user of a reversal; None for everybody."""
    if not body.get("users"):
        return None
    if len(users.found) != 1:
        message = "A reversal names one user who exists, or leaves out users."
        raise ours.UnknownUserError(message)
    return next(iter(users.found))
