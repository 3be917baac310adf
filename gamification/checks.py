from __future__ import annotations


def register_checks():
    pass
