"""Selects who is ranked: users whom others may see, all or those of a group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import reduce
from hashlib import sha256
from operator import or_
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import EmptyResultSet
from django.db.models import Q, QuerySet

from gamification.conf import conf
from gamification.leaderboards.values import EVERYBODY, Group
from gamification.models import Board, UserGamification, write_alias
from gamification.models.users import key_of, target_field, visible_users


def ranked_in(group: Group, now: datetime | None = None) -> QuerySet[UserGamification]:
    """Return the ranked users of ``group``."""
    ranked = UserGamification.objects.ranked(now).order_by()
    if group == EVERYBODY:
        return ranked
    lookup = conf.LEADERBOARD_GROUPS[group.grouping]
    return ranked.filter(**{f"user__{lookup}": group.key})


def group_of(grouping: str, user: Any) -> Group | None:
    """Return the group to which ``user`` belongs; None if they belong to none."""
    return next(groups_of(grouping, [key_of(user)]), None)


def groups_of(grouping: str, user_ids: Iterable[Any] | None = None) -> Iterator[Group]:
    """Yield the groups of these users, or all groups; an empty value is no group."""
    lookup = conf.LEADERBOARD_GROUPS[grouping]
    users = get_user_model()._base_manager.using(write_alias()).order_by()
    if user_ids is not None:
        users = users.filter(**{f"{target_field().name}__in": [*user_ids]})
    for key in users.values_list(lookup, flat=True).distinct():
        if key not in {None, ""}:
            yield Group(grouping, str(key))


def kept_groups(grouping: str) -> list[Group]:
    """Return the groups that have kept boards.

    The ledger answers for those whose value is longer than a board can store.
    """
    return [group for group in groups_of(grouping) if is_kept(group)]


def is_kept(group: Group) -> bool:
    """Say whether a board can store the value of ``group``."""
    field: Any = Board._meta.get_field("group")
    return len(group.key) <= int(field.max_length)


def groupings() -> list[str]:
    """Return the groupings whose boards are kept; the first is that of all users."""
    return ["", *conf.LEADERBOARD_GROUPS]


def audience(grouping: str) -> str:
    """Return a mark of the rule by which the site counts a grouping's users now.

    Boards that were built by another rule are not read, nor are any where the site
    keeps none: nobody tells them what is recorded. If the default manager of the site's
    users depends on the request, such as on its tenant, a kept board serves only the
    requests that share its rule.
    """
    if not conf.KEEP_LEADERBOARDS:
        return "nobody"
    lookup = conf.LEADERBOARD_GROUPS.get(grouping, "")
    rule = counting_rule()
    return sha256(f"{lookup} {rule}".encode()).hexdigest() if lookup else rule


def by_present_rules() -> Q:
    """Return the condition of boards that were built by the rules of now."""
    rules = (Q(grouping=each, audience=audience(each)) for each in groupings())
    return reduce(or_, rules)


def counting_rule() -> str:
    """Return a mark of the rule by which the site counts users now."""
    rule = "staff" if conf.RANKS_STAFF else ""
    if not hides_users():
        return rule
    shown = visible_users().order_by().values("pk").query
    try:
        condition = str(shown)
    except EmptyResultSet:
        condition = "nobody"
    return sha256(f"{rule} {condition}".encode()).hexdigest()


def hides_users() -> bool:
    """Say whether the default manager of the site's users leaves out any of them."""
    return bool(visible_users().query.where)
