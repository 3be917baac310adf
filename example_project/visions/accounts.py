"""The front page, and the ways in: signing up, and looking around as a demo user."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from example_project.visions.demo.stories import VISITOR
from example_project.visions.forms import SignUpForm

#: The backend of sessions that begin without a password.
BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """Say what this site is, and where to begin."""
    users = get_user_model().objects
    context = {"has_demo": settings.DEBUG and users.filter(username=VISITOR).exists()}
    return render(request, "visions/front.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Make an account, and begin."""
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        login(request, form.save(), BACKEND)
        return redirect("home")
    return render(request, "visions/sign_up.html", {"form": form})


@require_POST
def look_around(request: HttpRequest) -> HttpResponse:
    """Sign in as the demo user, whose password is public; only with ``DEBUG``."""
    if not settings.DEBUG:
        raise Http404
    visitor = get_object_or_404(get_user_model(), username=VISITOR)
    login(request, visitor, BACKEND)
    return redirect("home")
