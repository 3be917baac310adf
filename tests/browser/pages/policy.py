"""The policy for the pages of users, which may load only what the site serves."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tests.browser.site import StrictPolicy

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'"
)


class PagesPolicy:
    """Sends the policy, and counts open requests as for other pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.counted = StrictPolicy(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.counted(request)
        response["Content-Security-Policy"] = POLICY
        return response
