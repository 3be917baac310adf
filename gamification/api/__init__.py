"""The JSON API, read-only. Include ``gamification.api.urls`` to have it."""
