"""Invented people with months of history, for ``manage.py demo_data``."""
