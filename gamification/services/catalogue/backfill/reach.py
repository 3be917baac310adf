"""The users whom an achievement reaches at once, and whether anybody can reach it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gamification.conf import conf
from gamification.domain.catalogue import top_threshold
from gamification.domain.conditions import (
    Condition,
    ConditionGroup,
    Holding,
    Leaf,
    leaves_of,
    read_condition,
)
from gamification.domain.criteria import Criterion
from gamification.domain.definitions import Differences
from gamification.domain.rule_checks import achievements_in
from gamification.domain.rules import AchievementStatus
from gamification.domain.seasons import SeasonState
from gamification.models import Achievement
from gamification.models.texts.conditions import condition_text, requirement_of
from gamification.services.catalogue.backfill.counting import count_who_meet
from gamification.services.levels.table import current_thresholds
from gamification.services.players.goals import season_of
from gamification.services.unit_of_work import naming_errors

#: The fields that decide who meets an achievement.
DECISIVE: Final = frozenset(
    {
        *("criterion", "activity", "streak", "threshold", "status"),
        *("counting", "conditions"),
        *("max_times", "repeat_every", "repeat_period"),
        *("starts_at", "ends_at", "season_zone"),
    }
)

_ENDED: Final = SeasonState.ENDED


class Reach(NamedTuple):
    """The users whom an active achievement reaches."""

    achievement: Achievement
    #: Users who meet it already, and get it with their next record.
    users: int
    #: Why nobody can ever meet it; "" if somebody can.
    problem: str

    @property
    def notice(self) -> str:
        """How many users meet it already, and when they get it; "" for nobody."""
        if not self.users:
            return ""
        text = ngettext(
            "%(number)s user meets “%(name)s” already, and gets it with the next "
            "record%(counted)s, or now by a backfill.",
            "%(number)s users meet “%(name)s” already, and get it with their next "
            "record%(counted)s, or now by a backfill.",
            self.users,
        )
        return text % {
            "number": number_format(self.users, force_grouping=True),
            "name": self.achievement.name,
            "counted": self._counted,
        }

    @property
    def _counted(self) -> str:
        activity = self.achievement.activity
        return _(" of “%(name)s”") % {"name": activity.name} if activity else ""


@naming_errors
def get_reach(keys: Collection[str]) -> list[Reach]:
    """Return, in order, the reach of those achievements that users can earn.

    The number of queries does not depend on the number of users or achievements, up to
    a hundred achievements; those that only ledgers can tell about take more.
    """
    rows = Achievement.objects.select_related("activity")
    rows = rows.filter(key__in=keys, status=AchievementStatus.ACTIVE)
    # Nobody meets what staff award by hand.
    active = [*rows.exclude(criterion=Criterion.MANUAL)]
    users, known = count_who_meet(active), _known_achievements().count()
    tops = _tops(active, known - 1)
    return [Reach(row, users.get(row.pk, 0), _problem(row, tops)) for row in active]


def changed_reach(differences: Differences) -> list[Reach]:
    """Return the reach of the achievements that a file has added or changed."""
    keys = [
        item.key
        for item in differences.edits
        if item.kind == "achievement" and DECISIVE & {each.name for each in item.fields}
    ]
    return get_reach(keys) if keys else []


@naming_errors
def reach_problem(achievement: Achievement) -> str:
    """Return why nobody can ever meet ``achievement``; "" if somebody can.

    It need not be saved, such as one in a form.
    """
    others = _known_achievements().exclude(pk=achievement.pk)
    is_one = Criterion.ACHIEVEMENTS in {*_criteria(achievement)}
    return _problem(achievement, _tops([achievement], others.count() if is_one else 0))


class _Tops(NamedTuple):
    """The most that anybody can reach."""

    levels: int
    #: Achievements besides the one in question.
    others: int
    #: Keys of achievements that nobody can hold yet.
    drafts: frozenset[str]


def _tops(achievements: Collection[Achievement], others: int) -> _Tops:
    """Return the most, as far as ``achievements`` need to know."""
    trees = [row.conditions for row in achievements if row.conditions]
    criteria = {each for row in achievements for each in _criteria(row)}
    levels = len(current_thresholds()) if Criterion.LEVEL in criteria else 0
    named = {key for tree in trees for key in achievements_in(tree)}
    rows = Achievement.objects.filter(key__in=named)
    drafts = rows.filter(status=AchievementStatus.DRAFT) if named else rows.none()
    return _Tops(levels, others, frozenset(drafts.values_list("key", flat=True)))


def _criteria(achievement: Achievement) -> Iterator[str]:
    """Yield the criteria of an achievement and its conditions."""
    yield achievement.criterion
    for leaf in leaves_of(read_condition(achievement.conditions)):
        if isinstance(leaf, Leaf):
            yield leaf.criterion


def _known_achievements() -> QuerySet[Achievement]:
    """Return the achievements that users can hold."""
    return Achievement.objects.exclude(status=AchievementStatus.DRAFT)


def _problem(achievement: Achievement, tops: _Tops) -> str:
    if season_of(achievement, conf.default_calendar, timezone.now()) == _ENDED:
        return _("Its season is over, so nobody can reach it.")
    criterion = achievement.criterion
    top = top_threshold(criterion, levels=tops.levels, achievements=tops.others)
    if top is None or achievement.threshold <= top:
        return _conditions_problem(achievement, tops)
    if criterion == Criterion.LEVEL:
        text = ngettext(
            "There is only %(top)s level, so nobody can reach it.",
            "There are only %(top)s levels, so nobody can reach it.",
            top,
        )
    else:
        text = ngettext(
            "There is only %(top)s other achievement, so nobody can reach it.",
            "There are only %(top)s other achievements, so nobody can reach it.",
            top,
        )
    return text % {"top": top}


def _conditions_problem(achievement: Achievement, tops: _Tops) -> str:
    tree = read_condition(achievement.conditions)
    if tree is None or _can_be_met(tree, tops):
        return ""
    names = requirement_of(achievement)[2]
    text = _("Nobody can meet its further conditions: %(conditions)s.")
    missed = [each for each in leaves_of(tree) if not _can_be_met(each, tops)]
    texts = ", ".join(condition_text(each, names) for each in missed)
    return text % {"conditions": texts}


def _can_be_met(condition: Condition, tops: _Tops) -> bool:
    match condition:
        case ConditionGroup(least, parts):
            return sum(_can_be_met(part, tops) for part in parts) >= least
        case Holding(achievement, is_held):
            return not (is_held and achievement in tops.drafts)
    top = top_threshold(
        condition.criterion, levels=tops.levels, achievements=tops.others
    )
    return top is None or condition.threshold <= top
