"""Definitions of achievements, as staff send them."""

from __future__ import annotations

from typing import Final

from gamification.api.fields import (
    BodySerializer,
    CategoryField,
    KeyField,
    NonBlankTextField,
    StrictBooleanField,
    StrictChoiceField,
    StrictDateTimeField,
    StrictIntegerField,
    TextField,
    TimeZoneField,
)
from gamification.api.rule_fields import ConditionField, RuleField
from gamification.api.views.achievements.serializers import (
    CRITERIA,
    PERIODS,
    STATUSES,
)
from gamification.models import Achievement

#: Limits of the model's fields.
_NAME: Final = 100
_DESCRIPTION: Final = 1_000
_ICON: Final = 50
_REWARD: Final = 1_000_000
_THRESHOLD: Final = 2**53
_POSITION: Final = 2**31
_STEPS: Final = 100
_TIMES: Final = 1_000_000

EXAMPLE_NEW: Final = {
    "key": "kpi_10",
    "name": "Ten done",
    "description": "Complete 10 KPIs.",
    "icon": "medal-bronze",
    "category": "milestones",
    "xp_reward": 50,
    "criterion": "activity_count",
    "activity": "kpi_completed",
    "threshold": 10,
    "conditions": {"holds": "first_kpi"},
    "position": 20,
}
EXAMPLE_PREVIEW: Final = {
    name: value for name, value in EXAMPLE_NEW.items() if name != "key"
}
EXAMPLE_EDIT: Final = {"xp_reward": 60, "status": "retired"}


class EditAchievementBody(BodySerializer):
    """Changes to an achievement. Fields that are left out stay as they are."""

    name = NonBlankTextField(max_length=_NAME, required=False)
    description = TextField(max_length=_DESCRIPTION, allow_blank=True, required=False)
    icon = TextField(
        max_length=_ICON,
        allow_blank=True,
        required=False,
        help_text="An emoji or the name of an icon.",
    )
    category = CategoryField(required=False)
    xp_reward = StrictIntegerField(min_value=0, max_value=_REWARD, required=False)
    criterion = StrictChoiceField(choices=CRITERIA, required=False)
    activity = KeyField(
        allow_null=True,
        required=False,
        help_text="Key of an activity, if the criterion counts one; otherwise null.",
    )
    streak = KeyField(
        allow_null=True,
        required=False,
        help_text="Key of the streak that ``longest_streak`` measures; null for the "
        "daily one.",
    )
    threshold = StrictIntegerField(
        min_value=1,
        max_value=_THRESHOLD,
        required=False,
        help_text="The value of the criterion that unlocks the achievement.",
    )
    counting = RuleField(
        required=False,
        help_text="Which records the criterion counts, when and how; {} for all.",
    )
    conditions = ConditionField(
        allow_null=True,
        required=False,
        help_text="Conditions that users must also meet; null for none.",
    )
    series = KeyField(
        allow_blank=True,
        required=False,
        help_text="The series that it belongs to; empty for none.",
    )
    step = StrictIntegerField(
        min_value=1,
        max_value=_STEPS,
        allow_null=True,
        required=False,
        help_text="Its place in the series; each higher step asks for more.",
    )
    max_times = StrictIntegerField(
        min_value=1,
        max_value=_TIMES,
        allow_null=True,
        required=False,
        help_text="How often a user can earn it; null means without end. More than "
        "once takes either ``repeat_every`` or ``repeat_period``.",
    )
    repeat_every = StrictIntegerField(
        min_value=1,
        max_value=_THRESHOLD,
        allow_null=True,
        required=False,
        help_text="How much more of the criterion earns it again.",
    )
    repeat_period = StrictChoiceField(
        choices=PERIODS,
        required=False,
        help_text="The period in each of which the criterion starts anew.",
    )
    starts_at = StrictDateTimeField(
        allow_null=True,
        required=False,
        help_text="Earlier records do not count. Without ``season_zone``, it is "
        "what each user's clock shows, with the offset +00:00.",
    )
    ends_at = StrictDateTimeField(
        allow_null=True,
        required=False,
        help_text="The first moment that no longer counts; as ``starts_at``.",
    )
    season_zone = TimeZoneField(
        allow_blank=True,
        required=False,
        help_text="IANA zone of the season; empty means each user's own clock.",
    )
    shown_outside_season = StrictBooleanField(
        required=False, help_text="Whether users see it before and after its season."
    )
    is_secret = StrictBooleanField(required=False)
    revocable = StrictBooleanField(
        required=False,
        help_text="Whether a reversal of what earned it takes it back.",
    )
    status = StrictChoiceField(choices=STATUSES, required=False)
    position = StrictIntegerField(
        min_value=-_POSITION, max_value=_POSITION - 1, required=False
    )


class PreviewAchievementBody(EditAchievementBody):
    """A new achievement that is only previewed."""

    defaults_of = Achievement

    name = NonBlankTextField(max_length=_NAME)
    category = CategoryField()
    criterion = StrictChoiceField(choices=CRITERIA)


class NewAchievementBody(PreviewAchievementBody):
    """A new achievement."""

    key = KeyField(help_text="Cannot be changed later.")
