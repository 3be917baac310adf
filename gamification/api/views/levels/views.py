"""The table of levels, which users read and staff edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.translation import get_language
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.operations import operation
from gamification.api.permissions import check_permissions
from gamification.api.preconditions import ETAG, IF_MATCH, etag_of, expected_tag
from gamification.api.views.base import GamificationViewSet
from gamification.api.views.levels.serializers import (
    BODY_EXAMPLE,
    EXAMPLE,
    PREVIEW_EXAMPLE,
    LevelsBody,
    LevelsPreviewSerializer,
    LevelsSerializer,
    SavedLevelsSerializer,
)
from gamification.conf import conf
from gamification.models import Job, JobKind, level_text
from gamification.staff import (
    LevelRule,
    get_levels,
    levels_tag,
    preview_levels,
    save_levels,
)
from gamification.values import LevelsPreview

_CHANGE = "gamification.change_level"


class LevelsViewSet(GamificationViewSet):
    """The table of levels."""

    @operation(
        response=LevelsSerializer,
        response_headers=(ETAG,),
        response_example=EXAMPLE,
    )
    def list(self, request: Request) -> Response:
        """List the levels in effect, from level 1 on."""
        levels = get_levels()
        return Response(
            LevelsSerializer.serialize(Table(levels)), headers=_tag_of(levels)
        )

    @action(detail=False, methods=["put"])
    @operation(
        body=LevelsBody,
        response=SavedLevelsSerializer,
        request_headers=(IF_MATCH,),
        response_headers=(ETAG,),
        permission=_CHANGE,
        scope="write",
        errors=(
            ours.InvalidDefinitionsError,
            ours.LevelsPinnedError,
            ours.StaleEditError,
        ),
        body_example=BODY_EXAMPLE,
        response_example={**EXAMPLE, "changed": 2, "job": None},
    )
    def table(self, request: Request, body: Mapping[str, Any]) -> Response:
        """Replace all levels, unless somebody else has changed them in the meantime.

        It also requires the permission to run jobs: a job gives users their new levels
        silently.
        """
        check_permissions(request.user, JobKind.LEVELS.permissions)
        expected, levels = expected_tag(request), _levels(body)
        saved = save_levels(levels, actor=request.user, expected=expected)
        table = Table(get_levels(), len(saved.changes), saved.job)
        return Response(
            SavedLevelsSerializer.serialize(table), headers=_tag_of(table.levels)
        )

    @action(detail=False, methods=["post"])
    @operation(
        body=LevelsBody,
        response=LevelsPreviewSerializer,
        permission=_CHANGE,
        scope="write",
        errors=(ours.InvalidDefinitionsError,),
        body_example=BODY_EXAMPLE,
        response_example=PREVIEW_EXAMPLE,
    )
    def preview(self, request: Request, body: Mapping[str, Any]) -> _Preview:
        """Preview which users another table would move, and what would follow.

        The preview changes nothing. With very many users, it simulates a sample.
        """
        return _Preview(preview_levels(_levels(body)))


class _Level(NamedTuple):
    """A level with the text to show for it."""

    number: int
    title: str
    threshold: int
    name: str
    icon: str
    translations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The table of levels, and what saving it changed."""

    levels: Sequence[LevelRule]
    changed: int = 0
    job: Job | None = None

    @property
    def is_pinned(self) -> bool:
        return conf.pins_levels

    @property
    def results(self) -> Sequence[_Level]:
        language = get_language()
        return [
            _Level(
                level.number,
                level_text(level.number, level.name_in(language)),
                *level[1:],
            )
            for level in self.levels
        ]


class _Move(NamedTuple):
    """Users who move from one level to another."""

    before: int
    after: int
    users: int


class _Preview:
    """A preview, as numbers."""

    def __init__(self, preview: LevelsPreview) -> None:
        effects = preview.effects
        self.played, self.is_exact = effects.played, effects.is_exact
        self.users, self.xp = effects.users.value, effects.xp.value
        self.raised, self.lowered = effects.raised.value, effects.lowered.value
        self.unlocks = {each.key: each.users.value for each in effects.unlocks}
        self.moves = [_Move(*move, users) for move, users in effects.moves.items()]


def _levels(body: Mapping[str, Any]) -> list[LevelRule]:
    return [LevelRule(n, **level) for n, level in enumerate(body["levels"], start=1)]


def _tag_of(levels: Sequence[LevelRule]) -> dict[str, str]:
    return {"ETag": etag_of(levels_tag(levels))}
