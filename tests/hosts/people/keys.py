"""Keys that have another value in Python than in the database."""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import models


class PrefixedKey(models.BigAutoField):
    """A key such as "usr_12", stored as 12."""

    prefix = "usr_"

    def to_python(self, value):
        if value is None:
            return None
        text = str(value)
        number = text.removeprefix(self.prefix)
        if not (number.isascii() and number.isdigit()):
            raise ValidationError(f"{text!r} is no key.")
        return f"{self.prefix}{int(number)}"

    def from_db_value(self, value, expression, connection):
        return self.to_python(value)

    def get_prep_value(self, value):
        if value is None or isinstance(value, int):
            return value
        return int(self.to_python(value).removeprefix(self.prefix))


class Handle(NamedTuple):
    """A key that is neither a number nor a text."""

    letters: str

    def __str__(self) -> str:
        return self.letters


class HandleKey(models.BigAutoField):
    """A key such as ``Handle("am")``, stored as 12: one letter for each digit."""

    digits = str.maketrans("0123456789", "zabcdefghi")
    letters = str.maketrans("zabcdefghi", "0123456789")

    def to_python(self, value):
        # Like some fields of this kind, this one accepts anything, and complains later.
        if value is None or isinstance(value, Handle):
            return value
        if isinstance(value, int):
            return Handle(str(value).translate(self.digits))
        return Handle(str(value))

    def from_db_value(self, value, expression, connection):
        return self.to_python(value)

    def get_prep_value(self, value):
        if value is None or isinstance(value, int):
            return value
        return int(str(value).translate(self.letters))


_numbers = count()


def next_nickname() -> str:
    """Return a new text; small and capital first letters take turns."""
    number = next(_numbers)
    return f"{'aB'[number % 2]}{number}"
