"""A line to the server that breaks at the worst moment."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from select import select

import pytest
from django.db import connection


class Line:
    """Carries bytes between a client and the server, and breaks once.

    ``at`` is a text that the client sends, or the number of a message. The line breaks
    before that reaches the server or, with ``is_sent``, after that but before the
    answer reaches the client.
    """

    def __init__(self, at: bytes | int, *, is_sent: bool) -> None:
        self.at = at
        self.is_sent = is_sent
        self.is_broken = False
        self._numbers = count(1)
        self._host = connection.settings_dict["HOST"]
        self._port = int(connection.settings_dict["PORT"] or 5432)

    def serve(self, listener: socket.socket) -> None:
        """Serve one client after the other until the listener is shut down."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client, self._connect() as server, suppress(OSError):
                    while self._carry(client, server):
                        pass

    def _connect(self) -> socket.socket:
        if not self._host.startswith("/"):
            return socket.create_connection((self._host or "localhost", self._port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self._host}/.s.PGSQL.{self._port}")
        return server

    def _carry(self, client: socket.socket, server: socket.socket) -> bool:
        """Carry what comes next; say whether the line still holds."""
        for end in select([client, server], [], [])[0]:
            data = end.recv(65_536)
            if end is client and self._breaks_at(data):
                self.is_broken = True
                if self.is_sent:
                    server.sendall(data)
                    server.recv(65_536)
                return False
            (server if end is client else client).sendall(data)
            if not data:
                return False
        return True

    def _breaks_at(self, data: bytes) -> bool:
        if self.is_broken:
            return False
        if isinstance(self.at, int):
            return next(self._numbers) == self.at
        return self.at in data


@contextmanager
def breaking_line(at: bytes | int, *, is_sent: bool) -> Iterator[Line]:
    """Let the next connections go through a line that breaks."""
    line = Line(at, is_sent=is_sent)
    connection.close()
    with (
        ThreadPoolExecutor(1) as pool,
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.MonkeyPatch.context() as patch,
    ):
        host, port = listener.getsockname()
        patch.setitem(connection.settings_dict, "HOST", host)
        patch.setitem(connection.settings_dict, "PORT", port)
        served = pool.submit(line.serve, listener)
        try:
            yield line
        finally:
            connection.close()
            listener.shutdown(socket.SHUT_RDWR)
        served.result()
