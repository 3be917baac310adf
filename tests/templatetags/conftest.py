from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import engines
from django.test import RequestFactory

Render = Callable[..., str]


@pytest.fixture
def render() -> Render:
    """Return a function that renders a template, with its white space collapsed."""

    def render(source: str, *, visitor: Any = None, **context: Any) -> str:
        request = RequestFactory().get("/here/?a=1")
        request.user = visitor or AnonymousUser()
        page = engines["django"].from_string("{% load gamification %}" + source)
        return " ".join(page.render(context, request).split())

    return render
