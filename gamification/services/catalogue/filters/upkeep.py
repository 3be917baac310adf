"""Keeps filters as achievements need them, whoever has changed achievements."""

from __future__ import annotations

import time
from typing import Final

from gamification.models import write_alias
from gamification.services.catalogue.filters.syncing import (
    sync_filters,
    unfinished_builds,
)
from gamification.services.job_steps import run_next_step
from gamification.services.unit_of_work import attempts, naming_errors
from gamification.storage import store_for

#: The time that one call may take until it begins no further step, in seconds.
TIME: Final = 20.0


@naming_errors
def tend_filters() -> int:
    """Add missing filters, and build them for a while; return the users counted.

    It does what staff do on the page of the job, so that nobody has to; a job that
    staff paused waits. Running it again continues. Raises ``StorageError``.
    """
    ends, counted = time.monotonic() + TIME, 0
    for attempt in attempts(store_for(write_alias())):
        with attempt:
            attempt.lock()
            sync_filters()
    for job in unfinished_builds().filter(paused_at=None):
        before, after = job, run_next_step(job.pk, actor=None)
        while after.done > before.done and time.monotonic() < ends:
            before, after = after, run_next_step(job.pk, actor=None)
        counted += after.done - job.done
    return counted
