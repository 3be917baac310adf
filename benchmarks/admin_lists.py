"""Visits the lists of the admin, with every way to narrow and to sort them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from benchmarks.visiting import Page, Visitor, address_of


def visit_lists(visitor: Visitor) -> None:
    """Visit each list with its filters, search and dates, and one row of it."""
    from django.apps import apps
    from django.contrib import admin

    for model in apps.get_app_config("gamification").get_models():
        name = model._meta.model_name
        # The levels are on one page, which ``visit_levels`` visits.
        if name == "level" or not admin.site.is_registered(model):
            continue
        address = address_of(f"gamification_{name}_changelist")
        response = visitor.visit(Page(f"{name}: list", address))
        changes = response.context["cl"]
        for title, query in narrowings(changes, admin.site.get_model_admin(model)):
            visitor.visit(Page(f"{name}: {title}", address + query))
        row = changes.queryset.first()
        if row is not None:
            for page in ("change", "history"):
                one = address_of(f"gamification_{name}_{page}", row.pk)
                visitor.visit(Page(f"{name}: {page}", one))


def narrowings(changes: Any, model_admin: Any) -> Iterator[tuple[str, str]]:
    """Yield the title and query of each way to narrow a list."""
    yield "third page", "?p=3"
    if model_admin.search_fields:
        yield "search", "?q=user77777"
    for spec in changes.filter_specs:
        choices = [each for each in spec.choices(changes) if not each["selected"]]
        if "boxes" in choices[0]:
            # The functions below fill in the boxes of such filters.
            continue
        for choice in islice(choices, 3):
            yield f"{spec.title}: {choice['display']}", choice["query_string"]
    if field := model_admin.date_hierarchy:
        first = changes.queryset.values_list(field, flat=True)[0]
        query = f"?{field}__year={first.year}"
        for part in ("month", "day"):
            yield f"dates, {query.count('=')}", query
            query += f"&{field}__{part}={getattr(first, part)}"
        yield "dates, 3", query


def visit_entries(visitor: Visitor) -> None:
    """Visit the ledger by users' own dates, by actor, and by rare values."""
    from django.utils import timezone

    today = timezone.localdate()
    ends = ("local_date__gte", "local_date__lte")
    for title, ago, days in (
        ("a day", 3, 1),
        ("a day half a year ago", 180, 1),
        ("a month a year ago", 364, 30),
        ("a year", 364, 365),
    ):
        first = today - timedelta(days=ago)
        dates = dict(zip(ends, (first, first + timedelta(days=days - 1)), strict=True))
        for also, query in (
            ("", {}),
            (", third page", {"p": 3}),
            (", adjustments", {"kind__exact": "adjustment"}),
            (", a user", {"q": "user77777"}),
        ):
            address = address_of(
                "gamification_ledgerentry_changelist", **dates, **query
            )
            visitor.visit(Page(f"ledger: {title}{also}", address))
    for title, query in (
        ("by an actor", {"actor_name": "admin"}),
        ("by an actor, last page", {"actor_name": "admin", "p": 100}),
        ("by somebody who is no actor", {"actor_name": "user77777"}),
        ("last page", {"p": 100}),
        ("by a source", {"q": "site.object:7777777"}),
    ):
        address = address_of("gamification_ledgerentry_changelist", **query)
        visitor.visit(Page(f"ledger: {title}", address))


def visit_progress(visitor: Visitor) -> None:
    """Visit the list of users in every order, and with every filter."""
    from django.utils import timezone

    name = "gamification_usergamification_changelist"
    shown = visitor.client.get(address_of(name)).context["cl"].list_display
    xp, level = shown.index("total_xp"), shown.index("named_level")
    week = timezone.localdate() - timedelta(days=7)
    for title, query in (
        ("most XP first", {"o": f"-{xp}"}),
        ("least XP first", {"o": xp}),
        ("by level, last page", {"o": f"-{level}", "p": 100}),
        ("levels 3 to 5, most XP first", {"level__gte": 3, "level__lte": 5, "o": -xp}),
        ("level 20 and higher", {"level__gte": 20}),
        ("beyond the last level", {"level__gte": 99}),
        ("active in the last week", {"last_active_on__gte": week}),
        (
            "active in the last week, most XP first",
            {"last_active_on__gte": week, "o": f"-{xp}"},
        ),
        ("not active since long", {"last_active_on__lte": "2000-01-01"}),
        ("holds a streak, most XP first", {"holds": "streaks", "o": f"-{xp}"}),
        ("holds mastery, least XP first", {"holds": "mastery", "o": xp}),
        ("held, most XP first", {"held": 1, "o": f"-{xp}"}),
        ("search that finds many", {"q": "user7"}),
        ("search that finds everybody", {"q": "user"}),
        ("search that finds nobody", {"q": "nobody@example.org"}),
    ):
        visitor.visit(Page(f"users: {title}", address_of(name, **query)))
