"""The JSON API. Include ``gamification.api.urls`` to have it."""
