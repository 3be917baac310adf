"""Describes boosts in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.domain.conditions import Operator

if TYPE_CHECKING:
    from gamification.domain.boosted import Boosted
    from gamification.models.catalogue.boosts import Boost

_COMPARED: Final = {
    Operator.IS.value: gettext_lazy("%(attribute)s is %(value)s"),
    Operator.IN.value: gettext_lazy("%(attribute)s is one of %(value)s"),
    Operator.AT_LEAST.value: gettext_lazy("%(attribute)s is at least %(value)s"),
    Operator.AT_MOST.value: gettext_lazy("%(attribute)s is at most %(value)s"),
}


def factor_text(factor: Decimal) -> str:
    """Return a factor without needless zeros, in the reader's form: “1.5”."""
    plain = factor.normalize()
    # Whole numbers would become 1E+1.
    places = max(0, -int(plain.as_tuple().exponent))
    return number_format(factor, decimal_pos=places)


def boosted_text(boosted: Boosted) -> str:
    """Return where boosted XP comes from: “10 × 2, Launch weekend”, if any."""
    if not boosted.boosts:
        return ""
    names = " · ".join(each.name for each in boosted.boosts)
    values = {
        "base": number_format(boosted.base, force_grouping=True),
        "factor": factor_text(boosted.factor),
        "names": names,
    }
    return _("%(base)s × %(factor)s, %(names)s") % values


def where_text(where: Iterable[Sequence[Any]]) -> str:
    """Return what a record must say: “genre is fantasy; pages is at least 100”."""
    return "; ".join(
        str(_COMPARED[operator]) % {"attribute": attribute, "value": _value(value)}
        for attribute, operator, value in where
    )


def boost_sentence(boost: Boost, activities: Sequence[str]) -> str:
    """Return what a boost does; ``activities`` are the names of those it boosts."""
    factor = factor_text(Decimal(boost.factor))
    parts = [_("Multiplies by %(factor)s the XP of") % {"factor": factor}]
    parts.append(", ".join(f"“{n}”" for n in activities) or _("all activities"))
    if boost.where:
        parts.append(_("where %(where)s") % {"where": where_text(boost.where)})
    if boost.group:
        parts.append(_("for members of “%(group)s”") % {"group": boost.group.name})
    return _("%(what)s, %(when)s.") % {"what": " ".join(parts), "when": when(boost)}


def when(boost: Boost) -> str:
    """Return from when to when a boost holds, and on which clock."""
    starts_at, ends_at = (
        date_format(boost.shown(at), "SHORT_DATETIME_FORMAT")
        for at in (boost.starts_at, boost.ends_at)
    )
    values = {"start": starts_at, "end": ends_at, "clock": boost.zone}
    if boost.zone:
        return _("from %(start)s to %(end)s (%(clock)s)") % values
    return _("from %(start)s to %(end)s on each user’s own clock") % values


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)
