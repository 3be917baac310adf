"""The verbs that a site calls. Each one is a transaction and returns a value.

Every verb has an async twin with the prefix ``a``. The types of the values are in
``gamification.values``.
"""

from __future__ import annotations

from asgiref.sync import sync_to_async

from gamification.domain.outcomes import (
    CelebrationKind,
    EntryKind,
    Outcome,
    WithheldReason,
)
from gamification.services.corrections.adjustments import adjust_xp
from gamification.services.corrections.awards import (
    award_achievement,
    revoke_achievement,
)
from gamification.services.corrections.reversals import (
    reverse_entry,
    reverse_source,
    reverse_source_for_everyone,
)
from gamification.services.players.achievements import (
    count_secrets,
    get_achievements,
)
from gamification.services.players.celebrations import (
    acknowledge_celebrations,
    claim_celebration,
    pending_celebrations,
)
from gamification.services.players.explanations import (
    explain_achievement,
)
from gamification.services.players.history import (
    get_calendar,
    get_ledger,
)
from gamification.services.players.progress import (
    ProfileSummary,
    get_progress,
)
from gamification.services.players.rarity import (
    Rarity,
    get_rarity,
)
from gamification.services.players.settings import (
    set_celebration_mode,
    set_time_zone,
    set_visibility,
)
from gamification.services.recording.records import (
    ActivityRecord,
)
from gamification.services.recording.verbs import (
    BatchReport,
    record_activities,
    record_activity,
    record_each,
)
from gamification.services.streaks.pauses import end_pause, pause_streak
from gamification.services.streaks.repairs.single import repair_own_streak
from gamification.services.streaks.status import get_streaks

aacknowledge_celebrations = sync_to_async(acknowledge_celebrations)
aadjust_xp = sync_to_async(adjust_xp)
aaward_achievement = sync_to_async(award_achievement)
aclaim_celebration = sync_to_async(claim_celebration)
acount_secrets = sync_to_async(count_secrets)
aend_pause = sync_to_async(end_pause)
aexplain_achievement = sync_to_async(explain_achievement)
aget_achievements = sync_to_async(get_achievements)
aget_calendar = sync_to_async(get_calendar)
aget_ledger = sync_to_async(get_ledger)
aget_progress = sync_to_async(get_progress)
aget_rarity = sync_to_async(get_rarity)
aget_streaks = sync_to_async(get_streaks)
apause_streak = sync_to_async(pause_streak)
apending_celebrations = sync_to_async(pending_celebrations)
arecord_activities = sync_to_async(record_activities)
arecord_activity = sync_to_async(record_activity)
arecord_each = sync_to_async(record_each)
arepair_own_streak = sync_to_async(repair_own_streak)
areverse_entry = sync_to_async(reverse_entry)
areverse_source = sync_to_async(reverse_source)
areverse_source_for_everyone = sync_to_async(reverse_source_for_everyone)
arevoke_achievement = sync_to_async(revoke_achievement)
aset_celebration_mode = sync_to_async(set_celebration_mode)
aset_time_zone = sync_to_async(set_time_zone)
aset_visibility = sync_to_async(set_visibility)

__all__ = [
    "ActivityRecord",
    "BatchReport",
    "CelebrationKind",
    "EntryKind",
    "Outcome",
    "ProfileSummary",
    "Rarity",
    "WithheldReason",
    "aacknowledge_celebrations",
    "aadjust_xp",
    "aaward_achievement",
    "acknowledge_celebrations",
    "aclaim_celebration",
    "acount_secrets",
    "adjust_xp",
    "aend_pause",
    "aexplain_achievement",
    "aget_achievements",
    "aget_calendar",
    "aget_ledger",
    "aget_progress",
    "aget_rarity",
    "aget_streaks",
    "apause_streak",
    "apending_celebrations",
    "arecord_activities",
    "arecord_activity",
    "arecord_each",
    "arepair_own_streak",
    "areverse_entry",
    "areverse_source",
    "areverse_source_for_everyone",
    "arevoke_achievement",
    "aset_celebration_mode",
    "aset_time_zone",
    "aset_visibility",
    "award_achievement",
    "claim_celebration",
    "count_secrets",
    "end_pause",
    "explain_achievement",
    "get_achievements",
    "get_calendar",
    "get_ledger",
    "get_progress",
    "get_rarity",
    "get_streaks",
    "pause_streak",
    "pending_celebrations",
    "record_activities",
    "record_activity",
    "record_each",
    "repair_own_streak",
    "reverse_entry",
    "reverse_source",
    "reverse_source_for_everyone",
    "revoke_achievement",
    "set_celebration_mode",
    "set_time_zone",
    "set_visibility",
]
