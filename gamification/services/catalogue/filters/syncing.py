"""Which filters exist: those that active achievements count, and no others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat

from gamification.domain.conditions import write_condition
from gamification.domain.criteria import Criterion
from gamification.domain.requirements import NOWHERE, Goal
from gamification.models import (
    Achievement,
    Activity,
    CountFilter,
    Job,
    JobKind,
    UserGamification,
    write_alias,
)
from gamification.services.jobs import begin_job
from gamification.services.validation import UserRef
from gamification.storage.catalogue import load_catalogue

#: The definition of a filter, as it is stored.
Definition = Mapping[str, Any]

#: The digest of a filter that is dropped, before its id: no definition has it.
DROPPED: Final = "dropped "


def sync_filters(actor: UserRef | None = None) -> Job | None:
    """Add the filters that active achievements need, and drop those that none needs.

    Call it in the transaction that changes achievements. It returns the job that builds
    or drops tallies, if any is needed: a site without users needs none. Until a filter
    is built, the ledger answers.
    """
    rows, wanted = CountFilter.objects.all(), wanted_filters()
    known = {row.digest: row for row in rows}
    users = UserGamification.objects.count()
    missing = [digest for digest in wanted if digest not in known]
    if missing:
        made = [
            CountFilter(digest=each, definition=wanted[each].definition)
            for each in missing
        ]
        rows.bulk_create(made, ignore_conflicts=True)
        known |= {row.digest: row for row in rows.filter(digest__in=missing)}
    building, dropping = _under_way()
    build = [
        row.pk
        for digest, row in known.items()
        if digest in wanted and not row.is_built and row.pk not in building
    ]
    drop = [
        row.pk
        for digest, row in known.items()
        if digest not in wanted and row.pk not in dropping
    ]
    if not users:
        rows.filter(pk__in=build).update(is_built=True)
        rows.filter(pk__in=drop).delete()
        return None
    # Should an achievement need one again, it gets a new one: a job may still build the
    # tallies of this one, and another one delete them.
    mark = Concat(Value(DROPPED), Cast("pk", CharField()))
    rows.filter(pk__in=drop).update(is_built=False, digest=mark)
    if not build and not drop:
        return None
    keys = {
        key
        for digest, row in known.items()
        if row.pk in build
        for key in wanted[digest].achievements
    }
    parameters = {"filters": build, "unused": drop, "achievements": sorted(keys)}
    return begin_job(JobKind.FILTERS, parameters=parameters, total=users, actor=actor)


def sync_filters_of(
    item: Achievement | Activity, actor: UserRef | None, *, was_tree: bool = False
) -> None:
    """Call ``sync_filters`` if ``item`` is an achievement that needs filters or did."""
    if was_tree or is_tree(item):
        sync_filters(actor)


def unfinished_builds() -> QuerySet[Job]:
    """Return the jobs that build or drop filters and are not over, oldest first."""
    jobs = Job.objects.filter(kind=JobKind.FILTERS, finished_at=None)
    return jobs.order_by("pk")


def _under_way() -> tuple[set[int], set[int]]:
    """Return the ids of the filters that jobs are building, and are dropping."""
    building, dropping = set[int](), set[int]()
    for job in unfinished_builds():
        building |= {*job.parameters["filters"]}
        dropping |= {*job.parameters["unused"]}
    return building, dropping


def is_tree(item: Achievement | Activity) -> bool:
    """Say whether an achievement requires more than its criterion."""
    return isinstance(item, Achievement) and bool(item.counting or item.conditions)


class Wanted(NamedTuple):
    """A filter that is needed."""

    definition: Definition
    #: Keys of the achievements that need it.
    achievements: list[str]


def wanted_filters() -> dict[str, Wanted]:
    """Return all filters that are needed, by digest."""
    wanted: dict[str, Wanted] = {}
    for tree in load_catalogue(write_alias()).trees.active:
        for goal in tree.lasting_goals:
            if _is_countable(goal):
                definition = definition_of(goal)
                known = wanted.setdefault(digest_of(definition), Wanted(definition, []))
                if tree.rule.key not in known.achievements:
                    known.achievements.append(tree.rule.key)
    return wanted


def _is_countable(goal: Goal) -> bool:
    """Say whether tallies can answer; the ledger does for other streaks."""
    criterion, about, counting = goal.counted
    is_other_streak = criterion == Criterion.LONGEST_STREAK and about is not None
    return not (counting.is_plain or about == NOWHERE or is_other_streak)


def definition_of(goal: Goal) -> Definition:
    """Return what a goal counts, in a form that is the same for equal goals."""
    assert goal.source  # noqa: S101 - goals of trees have one
    leaf = replace(goal.source, counting=goal.counted.counting, streak="")
    definition = write_condition(leaf) or {}
    return {name: value for name, value in definition.items() if name != "threshold"}


def digest_of(definition: Definition) -> str:
    """Return the digest by which a definition is found."""
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
