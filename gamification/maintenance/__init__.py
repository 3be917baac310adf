"""Compares users' progress with the ledger, and rebuilds it from there."""

from __future__ import annotations

from gamification.maintenance.comparing import Drift
from gamification.maintenance.rebuilding import rebuild
from gamification.maintenance.reconciling import reconcile

__all__ = ["Drift", "rebuild", "reconcile"]
