"""Requests pages of the admin as staff do, and measures the time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

ROUNDS = 3


@dataclass(frozen=True)
class Page:
    """An admin page, with the data to post, and its time limit in seconds."""

    name: str
    address: str
    data: dict[str, Any] | None = None
    limit: float = 1.0
    #: Whether to clear the cache before each request.
    is_cold: bool = False


class Visitor:
    """A superuser who requests pages and measures the time."""

    def __init__(self) -> None:
        from django.contrib.auth import get_user_model
        from django.test import Client
        from django.test.utils import setup_test_environment

        # Responses then have their template contexts.
        setup_test_environment()
        self.client = Client()
        self.admin = get_user_model().objects.filter(is_superuser=True).first()
        self.client.force_login(self.admin)
        self.slow: list[str] = []

    def visit(self, page: Page) -> Any:
        """Request the page, and print the median time; return the last response."""
        from django.core.cache import cache
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        seconds = []
        for _ in range(ROUNDS):
            if page.is_cold:
                cache.clear()
            # Otherwise, the log of queries would fill up, and count no more.
            connection.queries_log.clear()
            with CaptureQueriesContext(connection) as queries:
                began = time.perf_counter()
                response = self.request(page)
                seconds.append(time.perf_counter() - began)
        assert response.status_code in {200, 302}, (page, response.status_code)
        time_taken = median(seconds)
        mark = "  SLOW" if time_taken > page.limit else ""
        print(f"{page.name:58}{time_taken:8.2f} s{len(queries):6}{mark}", flush=True)
        if mark:
            self.slow.append(page.name)
        return response

    def request(self, page: Page) -> Any:
        if page.data is None:
            return self.client.get(page.address)
        return self.client.post(page.address, page.data)


def address_of(name: str, *args: Any, **query: Any) -> str:
    from django.urls import reverse
    from django.utils.http import urlencode

    address = reverse(f"admin:{name}", args=args)
    return f"{address}?{urlencode(query)}" if query else address
