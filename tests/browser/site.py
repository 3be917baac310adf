"""The site that the browser visits, with a strict Content-Security-Policy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from tests.browser import axe

#: Seconds to wait for the last response.
TIMEOUT = 30


class StrictPolicy:
    """Allows only what the site itself serves, counts open requests, and serves axe."""

    lock: ClassVar = Lock()
    open_requests: ClassVar = 0

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == axe.ADDRESS:
            kept = {"Cache-Control": "max-age=3600"}
            return HttpResponse(axe.SCRIPT, "text/javascript", headers=kept)
        self.count(1)
        try:
            response = self.get_response(request)
        finally:
            self.count(-1)
        response["Content-Security-Policy"] = "default-src 'self'"
        return response

    @classmethod
    def count(cls, change: int) -> None:
        with cls.lock:
            cls.open_requests += change


@contextmanager
def served() -> Iterator[LiveServer]:
    """Serve the site from threads of this process."""
    policy = f"{__name__}.{StrictPolicy.__name__}"
    with override_settings(MIDDLEWARE=[policy, *settings.MIDDLEWARE]):
        # The server loads its middleware when it starts.
        server = LiveServer("127.0.0.1")
    yield server
    server.stop()


def wait_until_idle() -> None:
    """Wait until no request is open, so that nobody writes any more."""
    until = time.monotonic() + TIMEOUT
    while StrictPolicy.open_requests:
        assert time.monotonic() < until, "A request is still open."
        time.sleep(0.01)
