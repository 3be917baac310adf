"""The verbs. Each is one transaction, checks what it is given, and returns a value.

Every verb has a twin for async callers, with an ``a`` before its name.
"""

from __future__ import annotations

from asgiref.sync import sync_to_async

from gamification.domain.definitions import Differences, Effect, ItemDifference
from gamification.domain.outcomes import (
    CelebrationKind,
    CelebrationNotice,
    Entry,
    EntryKind,
    Outcome,
    Unlock,
    Withheld,
    WithheldReason,
)
from gamification.domain.rules import Facts
from gamification.services.achievements import award_achievement, revoke_achievement
from gamification.services.audit import Drift, rebuild, reconcile
from gamification.services.award_runs import begin_award_run
from gamification.services.catalogue import (
    create_achievement,
    create_activity,
    edit_achievement,
    edit_activity,
)
from gamification.services.celebrations import (
    acknowledge_celebrations,
    claim_celebration,
    pending_celebrations,
)
from gamification.services.definitions import (
    apply_definitions,
    compare_definitions,
    export_definitions,
)
from gamification.services.economy import Economy, read_economy
from gamification.services.explaining import (
    Explanation,
    explain_achievement,
    read_facts,
)
from gamification.services.forecasting import (
    ActivityNumbers,
    Forecast,
    Proposal,
    forecast,
)
from gamification.services.hindsight import (
    AwardProgress,
    award_all_in_hindsight,
    award_in_hindsight,
)
from gamification.services.history import read_calendar, read_ledger
from gamification.services.ledger import adjust_xp, reverse_entry, reverse_source
from gamification.services.previewing import AwardPreview, preview_award
from gamification.services.profiles import (
    TimeZoneChange,
    set_time_zone,
    set_visibility,
)
from gamification.services.rarity import Rarity, read_rarity
from gamification.services.recording import (
    BatchReport,
    record_activities,
    record_activity,
    record_each,
)
from gamification.services.records import ActivityRecord
from gamification.services.rerate_preview import (
    Correction,
    Past,
    ReratePreview,
    preview_rerate,
)
from gamification.services.rerate_runs import begin_rerate_run
from gamification.services.rerating import RerateProgress, rerate
from gamification.services.runs import step_run
from gamification.services.showing import (
    AchievementProgress,
    count_secrets,
    read_achievements,
)
from gamification.services.standing import ProfileSummary, read_progress
from gamification.services.tuning import Tuned, tune_rewards

aacknowledge_celebrations = sync_to_async(acknowledge_celebrations)
aadjust_xp = sync_to_async(adjust_xp)
aapply_definitions = sync_to_async(apply_definitions)
aaward_achievement = sync_to_async(award_achievement)
abegin_award_run = sync_to_async(begin_award_run)
abegin_rerate_run = sync_to_async(begin_rerate_run)
aclaim_celebration = sync_to_async(claim_celebration)
aaward_all_in_hindsight = sync_to_async(award_all_in_hindsight)
aaward_in_hindsight = sync_to_async(award_in_hindsight)
acompare_definitions = sync_to_async(compare_definitions)
acount_secrets = sync_to_async(count_secrets)
acreate_achievement = sync_to_async(create_achievement)
acreate_activity = sync_to_async(create_activity)
aedit_achievement = sync_to_async(edit_achievement)
aedit_activity = sync_to_async(edit_activity)
aexplain_achievement = sync_to_async(explain_achievement)
aexport_definitions = sync_to_async(export_definitions)
aforecast = sync_to_async(forecast)
apending_celebrations = sync_to_async(pending_celebrations)
apreview_award = sync_to_async(preview_award)
apreview_rerate = sync_to_async(preview_rerate)
aread_achievements = sync_to_async(read_achievements)
aread_calendar = sync_to_async(read_calendar)
aread_economy = sync_to_async(read_economy)
aread_facts = sync_to_async(read_facts)
aread_ledger = sync_to_async(read_ledger)
aread_progress = sync_to_async(read_progress)
aread_rarity = sync_to_async(read_rarity)
arebuild = sync_to_async(rebuild)
areconcile = sync_to_async(lambda *args, **kwargs: list(reconcile(*args, **kwargs)))
arecord_activities = sync_to_async(record_activities)
arecord_activity = sync_to_async(record_activity)
arecord_each = sync_to_async(record_each)
arerate = sync_to_async(rerate)
areverse_entry = sync_to_async(reverse_entry)
areverse_source = sync_to_async(reverse_source)
arevoke_achievement = sync_to_async(revoke_achievement)
aset_time_zone = sync_to_async(set_time_zone)
aset_visibility = sync_to_async(set_visibility)
astep_run = sync_to_async(step_run)
atune_rewards = sync_to_async(tune_rewards)

__all__ = [
    "AchievementProgress",
    "ActivityNumbers",
    "ActivityRecord",
    "AwardPreview",
    "AwardProgress",
    "BatchReport",
    "CelebrationKind",
    "CelebrationNotice",
    "Correction",
    "Differences",
    "Drift",
    "Economy",
    "Effect",
    "Entry",
    "EntryKind",
    "Explanation",
    "Facts",
    "Forecast",
    "ItemDifference",
    "Outcome",
    "Past",
    "ProfileSummary",
    "Proposal",
    "Rarity",
    "ReratePreview",
    "RerateProgress",
    "TimeZoneChange",
    "Tuned",
    "Unlock",
    "Withheld",
    "WithheldReason",
    "aacknowledge_celebrations",
    "aadjust_xp",
    "aapply_definitions",
    "aaward_achievement",
    "aaward_all_in_hindsight",
    "aaward_in_hindsight",
    "abegin_award_run",
    "abegin_rerate_run",
    "acknowledge_celebrations",
    "aclaim_celebration",
    "acompare_definitions",
    "acount_secrets",
    "acreate_achievement",
    "acreate_activity",
    "adjust_xp",
    "aedit_achievement",
    "aedit_activity",
    "aexplain_achievement",
    "aexport_definitions",
    "aforecast",
    "apending_celebrations",
    "apply_definitions",
    "apreview_award",
    "apreview_rerate",
    "aread_achievements",
    "aread_calendar",
    "aread_economy",
    "aread_facts",
    "aread_ledger",
    "aread_progress",
    "aread_rarity",
    "arebuild",
    "areconcile",
    "arecord_activities",
    "arecord_activity",
    "arecord_each",
    "arerate",
    "areverse_entry",
    "areverse_source",
    "arevoke_achievement",
    "aset_time_zone",
    "aset_visibility",
    "astep_run",
    "atune_rewards",
    "award_achievement",
    "award_all_in_hindsight",
    "award_in_hindsight",
    "begin_award_run",
    "begin_rerate_run",
    "claim_celebration",
    "compare_definitions",
    "count_secrets",
    "create_achievement",
    "create_activity",
    "edit_achievement",
    "edit_activity",
    "explain_achievement",
    "export_definitions",
    "forecast",
    "pending_celebrations",
    "preview_award",
    "preview_rerate",
    "read_achievements",
    "read_calendar",
    "read_economy",
    "read_facts",
    "read_ledger",
    "read_progress",
    "read_rarity",
    "rebuild",
    "reconcile",
    "record_activities",
    "record_activity",
    "record_each",
    "rerate",
    "reverse_entry",
    "reverse_source",
    "revoke_achievement",
    "set_time_zone",
    "set_visibility",
    "step_run",
    "tune_rewards",
]
