"""The celebrations that a user has yet to see, and what their element needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import DateTimeField, F, JSONField, Value
from django.http.request import HttpHeaders
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from gamification.components.badges import Badge, badge_of
from gamification.models import Celebration, UserGamification
from gamification.services import CelebrationKind
from gamification.staff import user_id_of

#: The most celebrations that are shown at once, as in the API.
MOST: Final = 50

#: Two of the ways in which celebrations can be shown.
ALL, NONE = "all", "none"

#: The fields of a celebration that are read, and the columns of a query that has them
#: together with the user's choice.
_FIELDS: Final = ("id", "kind", "data", "created_at", "claimed_until")
_COLUMNS: Final = ("place", "what", "facts", "created_at", "until")

#: The icons of celebrations that have none of their own, by kind.
_ICONS: Final = {CelebrationKind.LEVEL: "level", CelebrationKind.STREAK: "flame"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A celebration, in words and as the element reads it."""

    id: int
    title: str
    text: str
    badge: Badge
    json: str


def celebrations_of(user: Any) -> dict[str, Any]:
    """Return the celebrations that wait to be shown, and how, in one query."""
    mode, pending = _read(user)
    return {
        "celebrations": [_waiting(each) for each in pending],
        "mode": mode,
        "api": _address("gamification:my-celebrations-list"),
        "seen": _address("gamification_pages:celebrations-seen"),
        "more": _address("gamification_pages:achievements"),
        "badges": _badges(),
        "csrf_header": HttpHeaders.parse_header_name(settings.CSRF_HEADER_NAME),
        "words": json.dumps(_words()),
    }


def _read(user: Any) -> tuple[str, list[Celebration]]:
    """Return how celebrations are shown to the user, and those that wait.

    A user who wants none is shown none.
    """
    user_id = user_id_of(user)
    # The user's choice as a row with the same columns, which sorts before the others.
    choice = UserGamification.objects.filter(user=user_id)
    choices = choice.annotate(
        place=Value(0),
        what=F("celebration_mode"),
        facts=Value({}, JSONField()),
        until=Value(None, DateTimeField()),
    )
    pending = Celebration.objects.pending().filter(user=user_id)
    waiting = pending.annotate(
        place=F("id"), what=F("kind"), facts=F("data"), until=F("claimed_until")
    )
    both = [each.order_by().values_list(*_COLUMNS) for each in (choices, waiting)]
    rows = list(both[0].union(both[1], all=True).order_by("place")[: MOST + 1])
    mode = rows[0][1] if rows else ALL
    if mode == NONE:
        return mode, []
    found = [dict(zip(_FIELDS, row, strict=True)) for row in rows[1:]]
    return mode, [Celebration(**each) for each in found]


def _waiting(celebration: Celebration) -> Waiting:
    kind, data = CelebrationKind(celebration.kind), celebration.data
    badge = badge_of(data.get("icon") or _ICONS.get(kind, ""))
    shown = {
        "id": celebration.pk,
        "kind": kind.value,
        "title": celebration.title,
        "text": celebration.text,
        "data": data | ({"icon_url": badge.image} if badge.image else {}),
        "created_at": celebration.created_at,
        "claimed_until": celebration.claimed_until,
    }
    return Waiting(
        celebration.pk,
        celebration.title,
        celebration.text,
        badge,
        json.dumps(shown, cls=DjangoJSONEncoder),
    )


def _address(name: str) -> str:
    """Return the address of a view, if the site has it."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _badges() -> str:
    """Return the address to which the element adds the name of a badge."""
    example = _example_badge()
    return example.rpartition("/")[0] + "/"


def _example_badge() -> str:
    try:
        return reverse("gamification_pages:badge", args=["star"])
    except NoReverseMatch:
        return static("gamification/badges/")


def _words() -> dict[str, str]:
    """Return what the element says, with its own placeholders."""
    return {
        "achievement": _("Achievement unlocked: +{xp}\u00a0XP"),
        "unpaid": _("Achievement unlocked"),
        "tiers": _("{names}: +{xp}\u00a0XP"),
        "level": _("Level {to}"),
        "levelText": _("You rose from level {from}."),
        "levels": _("You rose from level {from}, past {between}."),
        "streak": _("{days}-day streak"),
        "streakText": _("Active on {days} days in a row"),
        "more": _("And {count} more"),
        "link": _("See the details"),
        "moreLink": _("See them all"),
        "close": _("Close: {title}"),
    }
