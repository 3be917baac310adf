from __future__ import annotations

import pytest
from django.test import override_settings
from django.urls import include, path, reverse

from gamification import urls

urlpatterns = [path("", include("gamification.urls"))]


def test_a_site_includes_them_where_it_likes():
    with override_settings(ROOT_URLCONF=__name__):
        assert reverse("gamification_pages:profile", args=["ann"]) == "/users/ann/"


@pytest.mark.parametrize("pattern", urls.urlpatterns, ids=lambda each: each.name)
def test_each_address_has_a_name(pattern):
    assert pattern.name
