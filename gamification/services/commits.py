"""Delays calls until the present transaction commits."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction


def on_commit(call: Callable[[], object], alias: str) -> None:
    """Call ``call`` once the transaction on ``alias`` commits, or at once without one.

    If a caller commits by hand, nobody is told when. Django keeps the call until
    autocommit is on again, and forgets it after a rollback, but it takes it only inside
    an atomic block.
    """
    connection = transaction.get_connection(alias)
    if connection.in_atomic_block or connection.get_autocommit():
        transaction.on_commit(call, using=alias)
        return
    with transaction.atomic(using=alias, savepoint=False):
        transaction.on_commit(call, using=alias)
