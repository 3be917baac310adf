"""XP, levels, streaks and achievements for any Django site.

The verbs are in :mod:`gamification.services`; ``record_activity`` is the first to
know. Tables are in :mod:`gamification.models`, announcements in
:mod:`gamification.signals`, and helpers for a site's own tests in
:mod:`gamification.testing`.
"""
