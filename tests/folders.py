"""Folders that disappear together with the process that made them."""

from __future__ import annotations

import atexit
import shutil
from pathlib import Path
from tempfile import mkdtemp


def temporary_folder(name: str) -> Path:
    """Return a new folder, which is deleted when this process ends."""
    folder = mkdtemp(prefix=f"gamification-{name}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
