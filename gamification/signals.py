"""What the app announces, after commit, to a site's own code.

Each signal is sent robustly: a receiver that fails is logged by Django and breaks
nothing. The sender is ``UserGamification``. Silent work (imports) announces nothing.
"""

from __future__ import annotations

from django.dispatch import Signal

# Sent when an activity was recorded; not for a replay.
# Arguments: user_id, outcome: Outcome
activity_recorded = Signal()

# Sent for each achievement that was unlocked, by itself or by hand.
# Arguments: user_id, unlock: Unlock, outcome: Outcome
achievement_unlocked = Signal()

# Sent when staff took an achievement away.
# Arguments: user_id, achievement: str (its key), outcome: Outcome
achievement_revoked = Signal()

# Sent once when a level changed, up or down, over any number of levels.
# Arguments: user_id, level_before: int, level: int, outcome: Outcome
level_changed = Signal()

# Sent when XP was adjusted by staff.
# Arguments: user_id, outcome: Outcome
xp_adjusted = Signal()

# Sent for each entry that was taken back.
# Arguments: user_id, outcome: Outcome
entry_reversed = Signal()
