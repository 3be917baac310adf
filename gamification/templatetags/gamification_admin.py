"""Template tags and filters of the admin pages."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django import template
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import router
from django.db.models import Max, Min
from django.utils import formats, timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from gamification.components.badges import icon_html
from gamification.components.estimates import format_estimate
from gamification.components.periods import format_periods
from gamification.models import (
    Achievement,
    Activity,
    Boost,
    Job,
    Level,
    StreakDefinition,
)
from gamification.staff import has_any_permission, visible_jobs

if TYPE_CHECKING:
    # Django imports this module on sites without an admin, too.
    from django.contrib.admin.models import LogEntry
    from django.contrib.admin.views.main import ChangeList

register = template.Library()
register.filter(icon_html)
register.filter("estimated", format_estimate)
register.filter("periods", format_periods)


PARTS = ("year", "month", "day")

#: How many jobs and changes the index of the app shows.
MAX_SHOWN = 10


@register.filter
def grouped(number: int) -> str:
    """Return ``number`` with thousands separators, whatever the site's settings are."""
    return str(formats.number_format(number, force_grouping=True))


@register.simple_tag
def waiting_jobs(viewer: Any) -> list[Job]:
    """Return the latest jobs that are not over and that ``viewer`` may see."""
    jobs = visible_jobs(viewer).filter(finished_at=None).select_related("undoes")
    return [*jobs[:MAX_SHOWN]]


@register.simple_tag
def recent_changes(viewer: Any) -> list[LogEntry]:
    """Return the latest changes of the catalogue and of jobs that ``viewer`` may see.

    The changes of users are in their own logs, because these have notes about them.
    """
    seen = [
        model
        for model in (Activity, Achievement, StreakDefinition, Boost, Level, Job)
        if has_any_permission(
            viewer,
            *(
                f"gamification.{action}_{model._meta.model_name}"
                for action in ("view", "change")
            ),
        )
    ]
    types = ContentType.objects.get_for_models(*seen).values()
    log: type[LogEntry] = apps.get_model("admin", "LogEntry")
    rows = log.objects.using(router.db_for_write(log))
    rows = rows.filter(content_type__in=types).select_related("user", "content_type")
    return [*rows.order_by("-pk")[:MAX_SHOWN]]


@register.inclusion_tag("admin/date_hierarchy.html")
def calendar_hierarchy(cl: ChangeList) -> dict[str, Any]:
    """Return the links to the years, months and days of a list.

    Django's own tag reads every date of the table, which takes seconds with millions of
    rows. This one reads only the first and the last date, so some of its links may lead
    to an empty list.
    """
    chosen = [
        int(cl.params[name])
        for part in PARTS
        if (name := f"{cl.date_hierarchy}__{part}") in cl.params
    ]
    if not cl.date_hierarchy or not (ends := _ends(cl)):
        return {"show": False}
    choices = [] if len(chosen) == len(PARTS) else _numbers(chosen, *ends)
    return {
        "show": True,
        "back": _back(cl, chosen),
        "choices": [
            {
                "link": _address(cl, [*chosen, number]),
                "title": _title([*chosen, number]),
            }
            for number in choices
        ]
        or [{"title": _title(chosen)}],
    }


def _ends(cl: ChangeList) -> tuple[date, date] | None:
    field = cl.date_hierarchy
    rows = cl.model._default_manager.order_by()
    first, last = rows.aggregate(first=Min(field), last=Max(field)).values()
    return (_local(first), _local(last)) if first else None


def _local(value: date) -> date:
    return timezone.localdate(value) if isinstance(value, datetime) else value


def _numbers(chosen: list[int], first: date, last: date) -> range:
    """Return the years to choose from, the months of a year, or the days of a month."""
    match chosen:
        case []:
            return range(first.year, last.year + 1)
        case [_year]:
            return range(1, 13)
    year, month = chosen
    return range(1, monthrange(year, month)[1] + 1)


def _back(cl: ChangeList, chosen: list[int]) -> dict[str, str] | None:
    if not chosen:
        return None
    parent = chosen[:-1]
    title = _title(parent) if parent else _("All dates")
    return {"link": _address(cl, parent), "title": title}


def _title(chosen: list[int]) -> str:
    if len(chosen) == 1:
        return str(chosen[0])
    year, month, *days = chosen
    kind = "MONTH_DAY_FORMAT" if days else "YEAR_MONTH_FORMAT"
    day = date(year, month, days[0] if days else 1)
    return str(capfirst(formats.date_format(day, kind)))


def _address(cl: ChangeList, chosen: list[int]) -> str:
    field = cl.date_hierarchy
    parts = {
        f"{field}__{part}": value for part, value in zip(PARTS, chosen, strict=False)
    }
    return cl.get_query_string(parts, [f"{field}__"])
