"""Finds what other items of the catalogue name, and keeps it from deletion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.db import router
from django.db.models import Model, ProtectedError, Q
from django.utils.translation import gettext as _

from gamification.domain.boost_times import BoostState
from gamification.domain.rule_checks import names_in

if TYPE_CHECKING:
    from gamification.models.catalogue.achievements import Achievement

#: The kinds of rows that conditions can name, by the name of the model.
_KINDS: Final = {
    "activity": "activity",
    "streakdefinition": "streak",
    "achievement": "achievement",
}


def with_rules() -> Any:
    """Return the achievements that have conditions, or count not everything."""
    rows = rows_of("Achievement").select_related("activity")
    return rows.filter(Q(conditions__isnull=False) | ~Q(counting={})).order_by("key")


def rules_naming(kind: str, key: str) -> list[Achievement]:
    """Return the achievements whose conditions name an item of the catalogue.

    ``kind`` is ``activity``, ``streak`` or ``achievement``. The item that an
    achievement's own criterion counts is named, too, if it counts only a part of it.
    """
    return [row for row in with_rules() if (kind, key) in {*named_by(row)}]


def named_by(row: Achievement) -> Iterator[tuple[str, str]]:
    """Yield the kind and key of everything that an achievement's rule names."""
    if row.counting and row.activity:
        yield "activity", row.activity.key
    yield from names_in(row.conditions)


def achievements_naming(items: Iterable[Any]) -> list[Achievement]:
    """Return the achievements whose conditions name one of ``items``, besides these."""
    named = {(_kind_of(item), item.key) for item in items}
    rows = [row for row in with_rules() if named & {*named_by(row)}]
    return [row for row in rows if ("achievement", row.key) not in named]


def choosing() -> list[Any]:
    """Return the streaks and boosts that choose some activities.

    Boosts that are over are left out: they stay as the ledger knows them.
    """
    streaks, boosts = (
        rows_of(name).exclude(activities=[]).order_by("key")
        for name in ("StreakDefinition", "Boost")
    )
    return [*streaks, *(row for row in boosts if row.state != BoostState.OVER)]


def choosing_any(items: Iterable[Any]) -> list[Any]:
    """Return the streaks and boosts that choose an activity among ``items``."""
    keys = _activities_among(items)
    return [row for row in choosing() if keys & {*row.activities}] if keys else []


def boosts_losing(items: Iterable[Any]) -> list[Any]:
    """Return the boosts that need an attribute of an activity among ``items``."""
    keys = _activities_among(items)
    needing = boosts_needing({key: {} for key in keys}) if keys else ()
    return [*dict.fromkeys(boost for boost, _attribute in needing)]


def boosts_needing(
    attributes: Mapping[str, Mapping[str, str]],
) -> Iterator[tuple[Any, str]]:
    """Yield boosts, each with an attribute that it is about to lose.

    ``attributes`` has those that activities are about to have, by the activity's key,
    each with its type. An attribute of another type is another one. A boost needs none
    if it is over, or if another of its activities declares it.
    """
    boosts = rows_of("Boost").filter(is_active=True).exclude(where=[]).order_by("key")
    needing = [boost for boost in boosts if boost.state != BoostState.OVER]
    rows = rows_of("Activity").values_list("key", "attributes")
    before: dict[str, Mapping[str, str]] = dict(rows) if needing else {}
    after = {**before, **attributes}
    for boost in needing:
        boosted = {*(boost.activities or after)} & {*after}
        changed = boosted & before.keys() & attributes.keys()
        for attribute, *_comparison in boost.where:
            had = {before[key].get(attribute) for key in changed} - {None}
            if had - {after[key].get(attribute) for key in boosted}:
                yield boost, attribute


def _activities_among(items: Iterable[Any]) -> set[str]:
    return {item.key for item in items if _kind_of(item) == "activity"}


def _kind_of(item: Model) -> str:
    return _KINDS.get(str(item._meta.model_name), "")


def check_unnamed(items: Sequence[Model]) -> None:
    """Raise ``ProtectedError`` if another item of the catalogue names one of ``items``.

    The items are locked first, so that nobody names them until they are deleted.
    """
    if not any(map(_kind_of, items)):
        return
    rows = rows_of(items[0]._meta.object_name or "").order_by("key")
    list(rows.filter(pk__in=[item.pk for item in items]).select_for_update())
    _refuse(_("The conditions of %(names)s name it."), achievements_naming(items))
    _refuse(_("It is chosen by %(names)s."), choosing_any(items))
    _refuse(_("The conditions of %(names)s need its attributes."), boosts_losing(items))


def _refuse(message: str, naming: Sequence[Any]) -> None:
    if naming:
        names = ", ".join(f"“{row}”" for row in naming)
        raise ProtectedError(message % {"names": names}, {*naming})


def rows_of(name: str) -> Any:
    """Return the rows of a model where the app writes them."""
    model: Any = apps.get_model("gamification", name)
    return model._default_manager.using(router.db_for_write(model))
