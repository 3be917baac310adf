"""The example site with two bare views beside the API, for ``benchmarks/api.py``.

The bare views answer the same JSON for the user who is signed in, each from one raw
query, with nothing of Django REST framework.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import timedelta

from benchmarks.recording import set_up_django

set_up_django(__import__("os").environ["DATABASE_URL"])

from django.conf import settings  # noqa: E402
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402

from example_project.urls import urlpatterns as site_urls  # noqa: E402
from gamification.domain.levels import LEVEL_THRESHOLDS  # noqa: E402

ME = """
SELECT p.total_xp, p.highest_level, p.current_streak, p.longest_streak,
    p.last_active_on, p.active_days, p.is_public, p.version,
    (SELECT count(*) FROM gamification_userachievement u
     WHERE u.user_id = p.user_id AND u.revoked_at IS NULL)
FROM gamification_usergamification p WHERE p.user_id = %s
"""

ACHIEVEMENTS = """
SELECT a.key, a.name, a.description, a.icon, a.category, a.xp_reward, a.is_secret,
    CASE a.criterion WHEN 'activity_count' THEN coalesce(t.count, 0)
        WHEN 'longest_streak' THEN p.longest_streak WHEN 'level' THEN p.level
        WHEN 'active_days' THEN p.active_days WHEN 'total_xp' THEN p.total_xp
        ELSE 0 END,
    a.threshold, u.unlocked_at
FROM gamification_achievement a
JOIN gamification_usergamification p ON p.user_id = %s
LEFT JOIN gamification_activitytally t
    ON t.user_id = p.user_id AND t.activity_id = a.activity_id
LEFT JOIN gamification_userachievement u
    ON u.user_id = p.user_id AND u.achievement_id = a.id AND u.revoked_at IS NULL
WHERE a.status = 'active' AND (NOT a.is_secret OR u.id IS NOT NULL)
ORDER BY a.position, a.key
"""


@login_required
def bare_me(request: HttpRequest) -> JsonResponse:
    with connection.cursor() as cursor:
        cursor.execute(ME, [request.user.pk])
        xp, highest, current, longest, last, days, public, version, held = (
            cursor.fetchone()
        )
    today, level = timezone.now().date(), bisect_right(LEVEL_THRESHOLDS, xp)
    begins, ends = LEVEL_THRESHOLDS[level - 1 : level + 1]
    is_alive = last >= today - timedelta(days=1)
    state = "active" if last >= today else "at_risk" if is_alive else "broken"
    return JsonResponse(
        {
            "user": request.user.get_username(),
            "level": level,
            "total_xp": xp,
            "previous_threshold": begins,
            "next_threshold": ends,
            "progress": (xp - begins) / (ends - begins),
            "highest_level": highest,
            "streak": {
                "state": state,
                "current": current if is_alive else 0,
                "longest": longest,
                "last_active_on": last,
                "lost_at": f"{last + timedelta(days=2)}T00:00:00Z",
            },
            "active_days": days,
            "achievements": held,
            "time_zone": "UTC",
            "pending_time_zone": None,
            "effective_at": None,
            "is_public": public,
            "version": version,
        }
    )


@login_required
def bare_achievements(request: HttpRequest) -> JsonResponse:
    with connection.cursor() as cursor:
        cursor.execute(ACHIEVEMENTS, [request.user.pk])
        rows = cursor.fetchall()
    results = [
        {
            "key": key,
            "name": name,
            "description": description,
            "icon": icon,
            "category": category,
            "xp_reward": xp_reward,
            "is_secret": is_secret,
            "progress": {
                "current": current,
                "target": target,
                "fraction": 1.0 if unlocked_at else min(1.0, current / target),
            },
            "unlocked_at": unlocked_at,
            "rarity": None,
        }
        for (
            key,
            name,
            description,
            icon,
            category,
            xp_reward,
            is_secret,
            current,
            target,
            unlocked_at,
        ) in rows
    ]
    page = {"count": len(rows), "next": None, "previous": None, "secrets": None}
    page["results"] = results
    return JsonResponse(page)


urlpatterns = [
    path("bare/me/", bare_me),
    path("bare/achievements/", bare_achievements),
    *site_urls,
]

settings.ROOT_URLCONF = __name__
# Counting requests is work that the bare views do not do.
settings.GAMIFICATION = {
    "THROTTLE_RATES": dict.fromkeys(("read", "write", "record"), None)
}
application = get_wsgi_application()
