"""``{% load gamification %}``: pieces of a page that show a user's game.

Each is a template that a site may replace, ``gamification/components/<name>.html``.
For a visitor who is not signed in, they are empty, except leaderboards and winners.
"""

from __future__ import annotations

from itertools import count
from typing import Any, cast

from django import template
from django.template import Context
from django.utils.safestring import SafeString, mark_safe

from gamification.components.achievements import achievements_of
from gamification.components.badges import badge_of
from gamification.components.boosts import boosts_of
from gamification.components.calendars import calendar_of
from gamification.components.celebrations import celebrations_of
from gamification.components.leaderboards import leaderboard_of, winners_of
from gamification.components.levels import level_of
from gamification.components.outcomes import outcome_of
from gamification.components.periods import format_periods
from gamification.components.streaks import other_streaks_of, streak_of
from gamification.services import Outcome, Rarity

register = template.Library()
register.filter("periods", format_periods)


@register.simple_tag(takes_context=True)
def gamification_head(context: Context) -> str:
    """Show the stylesheet and the script of the celebrations, for the ``<head>``."""
    return _piece(context, "head", {})


@register.simple_tag(takes_context=True)
def gamification_badge(context: Context, icon: str) -> str:
    """Show an icon: an emoji, or the badge of this name."""
    return _piece(context, "badge", {"badge": badge_of(icon)})


@register.simple_tag(takes_context=True)
def gamification_level(context: Context, user: Any) -> str:
    """Show the user's level and the way to the next one, in one query."""
    return _piece(context, "level", level_of(user)) if _is_known(user) else ""


@register.simple_tag(takes_context=True)
def gamification_streak(context: Context, user: Any) -> str:
    """Show the user's streak and week, in two queries."""
    return _piece(context, "streak", streak_of(user)) if _is_known(user) else ""


@register.simple_tag(takes_context=True)
def gamification_streaks(context: Context, user: Any) -> str:
    """Show the user's other streaks, by one query where staff define none."""
    return _piece(context, "streaks", other_streaks_of(user)) if _is_known(user) else ""


@register.simple_tag(takes_context=True)
def gamification_boosts(context: Context, user: Any) -> str:
    """Show when XP counts more, or less, by one query where nothing is boosted."""
    return _piece(context, "boosts", boosts_of(user)) if _is_known(user) else ""


@register.simple_tag(takes_context=True)
def gamification_calendar(
    context: Context, user: Any, *, year: int | None = None
) -> str:
    """Show the user's active days of a year, by default this year, in two queries."""
    if not _is_known(user):
        return ""
    return _piece(context, "calendar", calendar_of(user, year))


@register.simple_tag(takes_context=True)
def gamification_achievements(
    context: Context,
    user: Any,
    *,
    order: str = "position",
    rarity: Rarity | None = None,
) -> str:
    """Show what the user can unlock, by category, in at most three queries.

    ``order`` is ``position``, or ``held`` for what the user holds first; ``rarity`` is
    what ``get_rarity()`` returned, if it is to be shown.
    """
    if not _is_known(user):
        return ""
    shown = achievements_of(user, order=order, rarity=rarity)
    return _piece(context, "achievements", shown)


@register.simple_tag(takes_context=True)
def gamification_leaderboard(
    context: Context,
    window: str = "week",
    *,
    around: Any = None,
    page: int | None = None,
    page_size: int = 10,
    period: str | None = None,
    scope: str | None = None,
) -> str:
    """Show a leaderboard, in at most three queries; four if the visitor has no place.

    ``window`` is ``day``, ``week``, ``month`` or ``all``; ``period`` is the name of a
    period, such as ``2026-W48``, and the current one by default; ``scope`` is the name
    of one of the site's scopes; ``around`` is a user whose place is in the middle. With
    a ``page``, links lead to the pages beside it. The visitor's own row is marked.
    """
    shown = leaderboard_of(
        window,
        around=around if _is_known(around) else None,
        viewer=_visitor(context),
        page=page,
        page_size=page_size,
        period=period,
        scope=scope,
    )
    values = {**shown, "window": str(window), "asked_period": period}
    return _piece(context, "leaderboard", values)


@register.simple_tag(takes_context=True)
def gamification_winners(
    context: Context, window: str = "week", *, period: str | None = None
) -> str:
    """Show places 1 to 3 of the last period that is over, in at most three queries.

    ``period`` is the name of another one, such as ``2026-W48``.
    """
    shown = winners_of(window, viewer=_visitor(context), period=period)
    return _piece(context, "winners", {**shown, "window": str(window)})


@register.simple_tag(takes_context=True)
def gamification_celebrations(context: Context) -> str:
    """Show the celebrations that the visitor has not seen yet."""
    visitor, request = _visitor(context), context.get("request")
    if visitor is None:
        return ""
    shown = celebrations_of(visitor)
    here = request.get_full_path() if request and request.method == "GET" else ""
    return _piece(context, "celebrations", {**shown, "here": here})


@register.simple_tag(takes_context=True)
def gamification_xp(context: Context, outcome: Outcome | None) -> str:
    """Show what a record brought, without a query; nothing for None."""
    return _piece(context, "xp", outcome_of(outcome)) if outcome else ""


def _is_known(user: Any) -> bool:
    return bool(getattr(user, "is_authenticated", False))


def _visitor(context: Context) -> Any:
    """Return the user who looks at the page; None if nobody is signed in."""
    request = context.get("request")
    user = getattr(request, "user", None) or context.get("user")
    return user if _is_known(user) else None


def _piece(context: Context, name: str, values: dict[str, Any]) -> SafeString:
    """Render a piece; what it shows is escaped, whatever the page around it does."""
    engine = context.template.engine  # type: ignore[union-attr]
    inner = context.new(
        {
            **values,
            "number": next(_counter(context, name)),
            "csrf_token": context.get("csrf_token"),
        }
    )
    inner.autoescape = True
    rendered = engine.get_template(f"gamification/components/{name}.html").render(inner)
    return mark_safe(rendered.strip())  # noqa: S308 - a template rendered it


def _counter(context: Context, name: str) -> count[int]:
    """Return the counter of pieces of a kind, for ids that are unique on the page."""
    # The outermost values belong to the page, whichever template is being rendered.
    counters = cast("dict[str, count[int]]", context.render_context.dicts[0])
    return counters.setdefault(f"gamification {name}", count(1))
