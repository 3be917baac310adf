"""PgBouncer in transaction mode, in front of the server of the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest
from django.db import connection

from gamification.storage.postgresql import prepared
from tests.races import PATIENCE

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")

NEEDS_PGBOUNCER = pytest.mark.skipif(
    not PGBOUNCER, reason="PgBouncer is not installed."
)

CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
unix_socket_dir = {folder}
listen_port = {own}
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_reset_query =
ignore_startup_parameters = extra_float_digits,options
"""


@contextmanager
def through_pooler() -> Iterator[None]:
    """Connect through PgBouncer, whose sessions keep prepared statements."""
    settings = connection.settings_dict
    folder = Path(mkdtemp(prefix="pooler-"))
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    file = folder / "pgbouncer.ini"
    file.write_text(
        CONFIGURATION.format(
            host=settings["HOST"],
            port=settings["PORT"] or 5432,
            user=settings["USER"],
            folder=folder,
            own=port,
        )
    )
    as_user = []
    if os.geteuid() == 0:
        # PgBouncer refuses to run as root, and has to reach the server's socket.
        owner = Path(settings["HOST"]).owner()
        shutil.chown(folder, owner)
        shutil.chown(file, owner)
        as_user = ["-u", owner]
    command = [PGBOUNCER, "-q", *as_user, file]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603
    _wait_for(folder / f".s.PGSQL.{port}")
    connection.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "_lossy", set())
        patch.setitem(settings, "HOST", str(folder))
        patch.setitem(settings, "PORT", port)
        yield
        connection.close()
    process.terminate()
    process.wait(PATIENCE)
    shutil.rmtree(folder)


def _wait_for(path: Path) -> None:
    for _ in range(PATIENCE * 100):
        if path.exists():
            return
        time.sleep(0.01)
    pytest.fail("PgBouncer does not start.")
