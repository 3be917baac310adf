"""Tells the generator of requests what the schema cannot say."""

from __future__ import annotations

import schemathesis


@schemathesis.hook
def map_body(context, body):
    """Write whole numbers without a fraction.

    ``1.0`` is a whole number to JSON Schema; the API refuses it, because clients that
    send it mean a measure.
    """
    return whole(body)


def whole(value):
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [*map(whole, value)]
    return value
