"""The JSON API. To switch it on, include ``gamification.api.urls``."""
