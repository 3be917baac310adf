"""How often a client may ask."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from gamification.api.contracts import contract_of
from gamification.conf import conf


class ScopeThrottle(SimpleRateThrottle):
    """Counts by user (or address of the network) and scope of the operation.

    The rates are the site's ``THROTTLE_RATES``; a scope whose rate is None is free.
    """

    def __init__(self) -> None:
        """Wait for the request, which names the scope."""

    def allow_request(self, request: Request, view: Any) -> bool:
        contract = contract_of(view)
        if contract is None:
            return True
        self.scope = contract.scope
        self.rate = conf.THROTTLE_RATES.get(self.scope)
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: Any) -> str:
        who = request.user.pk if request.user.is_authenticated else None
        ident = self.get_ident(request) if who is None else who
        return f"gamification:throttle:{self.scope}:{ident}"
