"""A router that names a wrong database for reading."""

from __future__ import annotations


class ReplicaRouter:
    """Sends queries that name no database to a replica that lags far behind."""

    def db_for_read(self, model, **hints):
        return "replica" if model._meta.app_label == "gamification" else None

    def allow_relation(self, first, second, **hints):
        return True
