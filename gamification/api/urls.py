"""Addresses of the API."""

from __future__ import annotations

from django.urls import include, path

from gamification.api.routers import Router
from gamification.api.views.achievements.views import AchievementsViewSet
from gamification.api.views.activities.views import ActivitiesViewSet
from gamification.api.views.boosts.views import BoostsViewSet
from gamification.api.views.jobs.views import JobsViewSet
from gamification.api.views.leaderboards import LeaderboardsViewSet
from gamification.api.views.levels.views import LevelsViewSet
from gamification.api.views.me.achievements import MyAchievementsViewSet
from gamification.api.views.me.boosts import MyBoostsViewSet
from gamification.api.views.me.calendar import CalendarViewSet
from gamification.api.views.me.celebrations import CelebrationsViewSet
from gamification.api.views.me.ledger import LedgerViewSet
from gamification.api.views.me.progress import MeViewSet
from gamification.api.views.me.streaks import (
    MyPausesViewSet,
    MyRepairsViewSet,
    MyStreaksViewSet,
)
from gamification.api.views.records import RecordsViewSet
from gamification.api.views.streaks.views import StreaksViewSet
from gamification.api.views.users.restrictions import RestrictionsViewSet
from gamification.api.views.users.streaks import (
    FreezesViewSet,
    PausesViewSet,
    RepairsViewSet,
)
from gamification.api.views.users.views import UsersViewSet

app_name = "gamification"

router = Router()
router.register("achievements", AchievementsViewSet, basename="achievements")
router.register("activities", ActivitiesViewSet, basename="activities")
router.register("boosts", BoostsViewSet, basename="boosts")
router.register("jobs", JobsViewSet, basename="jobs")
router.register("me", MeViewSet, basename="me")
router.register("me/achievements", MyAchievementsViewSet, basename="my-achievements")
router.register("me/boosts", MyBoostsViewSet, basename="my-boosts")
router.register("me/calendar", CalendarViewSet, basename="my-calendar")
router.register("me/celebrations", CelebrationsViewSet, basename="my-celebrations")
router.register("me/ledger", LedgerViewSet, basename="my-ledger")
router.register("me/pauses", MyPausesViewSet, basename="my-pauses")
router.register("me/repairs", MyRepairsViewSet, basename="my-repairs")
router.register("me/streaks", MyStreaksViewSet, basename="my-streaks")
router.register("leaderboards", LeaderboardsViewSet, basename="leaderboards")
router.register("levels", LevelsViewSet, basename="levels")
router.register("records", RecordsViewSet, basename="records")
router.register("streaks", StreaksViewSet, basename="streaks")
router.register("users", UsersViewSet, basename="users")
router.register(
    "users/(?P<user>[^/]+)/restrictions", RestrictionsViewSet, basename="restrictions"
)
router.register("users/(?P<user>[^/]+)/freezes", FreezesViewSet, basename="freezes")
router.register("users/(?P<user>[^/]+)/pauses", PausesViewSet, basename="pauses")
router.register("users/(?P<user>[^/]+)/repairs", RepairsViewSet, basename="repairs")

urlpatterns = [path("v1/", include([*router.urls, router.not_found_route()]))]
