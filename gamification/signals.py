"""The signals that the app sends to a site's own code, after commit.

The app sends each signal robustly: Django logs a receiver that fails, and the app goes
on. The sender is ``UserGamification``. Silent work (imports) sends no signals.
"""

from __future__ import annotations

from django.dispatch import Signal

# Sent when an activity was recorded, but not for a replay.
# Arguments: user_id, outcome: Outcome
activity_recorded = Signal()

# Sent for each achievement that a user unlocked or that staff awarded.
# Arguments: user_id, unlock: Unlock, outcome: Outcome
achievement_unlocked = Signal()

# Sent when staff revoked an achievement.
# Arguments: user_id, achievement: str (its key), outcome: Outcome
achievement_revoked = Signal()

# Sent once for a change of level, up or down, by any number of levels.
# Arguments: user_id, level_before: int, level: int, outcome: Outcome
level_changed = Signal()

# Sent when a streak became longer, or a new one of length 1 began.
# Arguments: user_id, streak: str (its key), current: int, longest: int
streak_extended = Signal()

# Sent when a break is found: by the record that begins a new streak, and each time
# that ``get_streaks`` finds a streak broken. No job looks for breaks, so it comes late,
# or not at all for a user who stays away. ``broken_at`` is None if a record found it,
# and otherwise the same each time.
# Arguments: user_id, streak: str, lost: int, broken_at: datetime | None
streak_broken = Signal()

# Sent when a freeze covered a missed date.
# Arguments: user_id, streak: str, date
freeze_used = Signal()

# Sent when active dates earned freezes.
# Arguments: user_id, streak: str, date, amount: int
freeze_earned = Signal()

# Sent when staff adjusted a user's XP.
# Arguments: user_id, outcome: Outcome
xp_adjusted = Signal()

# Sent for each entry that was reversed.
# Arguments: user_id, outcome: Outcome
entry_reversed = Signal()
