"""Compares users' progress with the ledger, and rebuilds it from there."""

from __future__ import annotations

from gamification.maintenance.comparing import Drift
from gamification.maintenance.rebuilding import rebuild
from gamification.maintenance.reconciling import BATCH_SIZE, reconcile

__all__ = ["BATCH_SIZE", "Drift", "rebuild", "reconcile"]
