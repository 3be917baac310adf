"""The form of the page “Levels”: a generator, and the table as text."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.admin.concurrent_forms import (
    TagField,
    conflict_message,
    last_editor,
    replace_data,
)
from gamification.admin.levels.table_text import (
    InvalidTableError,
    format_table,
    parse_table,
)
from gamification.exceptions import GamificationError, StaleEditError
from gamification.models import Level
from gamification.staff import (
    MAX_LEVELS,
    Curve,
    LevelRule,
    compare_levels,
    describe_levels,
    fingerprint,
    generate_thresholds,
    get_levels,
    levels_tag,
    make_table,
    save_levels,
)
from gamification.values import SavedLevels

#: Each level takes at most this many XP, or percent, more than the one before.
_MOST_XP: Final = 1_000_000
_MOST_PERCENT: Final = 100


class RelevelingForm(forms.Form):
    """The button that gives users the levels of the table as it is."""

    #: Identifies this showing of the button: what is sent twice begins one job.
    key = forms.UUIDField(initial=uuid4, widget=forms.HiddenInput)


class GeneratorForm(forms.Form):
    """Asks for the number of levels, and for how much longer each one is."""

    count = forms.IntegerField(
        label=gettext_lazy("Number of levels"), min_value=1, max_value=MAX_LEVELS
    )
    first = forms.IntegerField(
        label=gettext_lazy("XP from level 1 to level 2"),
        min_value=1,
        max_value=_MOST_XP,
    )
    curve = forms.ChoiceField(label=gettext_lazy("Then"), choices=Curve.choices)
    growth = forms.IntegerField(
        label=gettext_lazy("Increase (XP or percent)"),
        min_value=0,
        max_value=_MOST_XP,
        required=False,
        help_text=gettext_lazy(
            "Compared with the level before. Not used if all take the same."
        ),
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = self.cleaned_data
        growth, curve = cleaned.get("growth") or 0, cleaned.get("curve")
        if curve == Curve.PERCENT and growth > _MOST_PERCENT:
            message = _("Enter at most %(most)s percent.")
            self.add_error("growth", message % {"most": _MOST_PERCENT})
        return cleaned

    def levels(self, named: tuple[LevelRule, ...]) -> tuple[LevelRule, ...]:
        """Return the levels, with the names that ``named`` has for their numbers."""
        given = self.cleaned_data
        thresholds = generate_thresholds(
            Curve(given["curve"]),
            count=given["count"],
            first=given["first"],
            growth=given["growth"] or 0,
        )
        return make_table(thresholds, named)


class LevelsForm(forms.Form):
    """Asks for a table of levels. It saves only what was previewed."""

    table = forms.CharField(
        label=gettext_lazy("Table of levels"),
        widget=forms.Textarea(
            attrs={"rows": 16, "spellcheck": "false", "class": "gam-level-table"}
        ),
        help_text=gettext_lazy(
            "A line for each level: the total XP at which it begins and, optionally, "
            "its name, its icon (an emoji, or the name of a badge) and its name in "
            "other languages, with “|” between them: 150 | Explorer | 🧭 | "
            "de: Entdecker. You can paste columns of a spreadsheet."
        ),
    )
    #: The table that the editor was shown, and what identifies the preview.
    shown = TagField(strip=False)
    tag = TagField(required=False)

    def __init__(
        self,
        levels: tuple[LevelRule, ...],
        data: Any = None,
        *,
        proposed: tuple[LevelRule, ...] | None = None,
    ) -> None:
        super().__init__(data)
        self.initial["shown"] = format_table(levels)
        self.initial["table"] = format_table(proposed or levels)

    def clean_table(self) -> tuple[LevelRule, ...]:
        try:
            return parse_table(self.cleaned_data["table"])
        except InvalidTableError as error:
            raise forms.ValidationError(error.messages) from error

    @property
    def levels(self) -> tuple[LevelRule, ...]:
        """The levels that the editor entered."""
        entered: tuple[LevelRule, ...] = self.cleaned_data["table"]
        return entered

    def remember(self) -> None:
        """Carry what identifies the preview that the editor is about to see."""
        replace_data(self, {"tag": self._own_tag})

    def save(self, actor: Any) -> SavedLevels | None:
        """Save what was previewed; return None, with errors, if that is refused."""
        if self.cleaned_data["tag"] != self._own_tag:
            message = _("The table has changed. Check the new preview.")
            self.add_error(None, message)
            return None
        shown, stored = self._shown, get_levels()
        # A form that is sent twice is no conflict: all of it is stored already.
        seen = stored if stored == self.levels else shown
        try:
            expected = levels_tag(seen)
            return save_levels(self.levels, actor=actor, expected=expected)
        except StaleEditError:
            self._rebase(shown)
        except GamificationError as error:
            self.add_error(None, str(error))
        return None

    @property
    def _own_tag(self) -> str:
        # Browsers change line ends, so the texts themselves may differ.
        return fingerprint(levels_tag(self._shown), levels_tag(self.levels))

    @property
    def _shown(self) -> tuple[LevelRule, ...]:
        try:
            return parse_table(self.data.get("shown", ""))
        except InvalidTableError:
            return ()

    def _rebase(self, shown: tuple[LevelRule, ...]) -> None:
        """Report what others changed, and make that what the editor was shown."""
        stored = get_levels()
        rows = Level.objects.order_by("-updated_at")
        row = rows.first()
        editor = last_editor(row) if row else ""
        headline = conflict_message(_("the levels"), editor)
        changes = describe_levels([*compare_levels(shown, stored)])
        self.add_error(None, [headline, *changes])
        replace_data(self, {"shown": format_table(stored)})
