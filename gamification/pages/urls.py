"""Addresses of the pages, of their pieces, and of what their forms are sent to."""

from __future__ import annotations

from django.urls import path, re_path

from gamification.pages import fragments, views

app_name = "gamification_pages"

urlpatterns = [
    path("", views.progress, name="progress"),
    path("achievements/", views.achievements, name="achievements"),
    path("leaderboards/", views.leaderboards, name="leaderboards"),
    path("leaderboards/<str:window>/", views.leaderboards, name="leaderboard"),
    # Browsers resolve "." and ".." as folders, so users with such names have no page.
    re_path(r"^users/(?P<name>(?!\.{1,2}/)[^/]+)/\Z", views.profile, name="profile"),
    path("settings/", views.settings, name="settings"),
    path("settings/pauses/", views.pause, name="pause"),
    path("settings/pauses/end/", views.end, name="end-pause"),
    path("settings/repairs/", views.repair, name="repair"),
    path("celebrations/seen/", views.see, name="celebrations-seen"),
    path("badges/<slug:name>.svg", views.badge, name="badge"),
    path("fragments/level/", fragments.level, name="fragment-level"),
    path("fragments/streak/", fragments.streak, name="fragment-streak"),
    path("fragments/streaks/", fragments.streaks, name="fragment-streaks"),
    path("fragments/boosts/", fragments.boosts, name="fragment-boosts"),
    path("fragments/calendar/", fragments.calendar, name="fragment-calendar"),
    path(
        "fragments/achievements/", fragments.achievements, name="fragment-achievements"
    ),
    path(
        "fragments/leaderboard/<str:window>/",
        fragments.leaderboard,
        name="fragment-leaderboard",
    ),
    path(
        "fragments/winners/<str:window>/",
        fragments.winners,
        name="fragment-winners",
    ),
    path(
        "fragments/celebrations/", fragments.celebrations, name="fragment-celebrations"
    ),
]
