"""User models like those of real sites. A run uses one; Django swaps out the others."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models

from tests.hosts.people.keys import HandleKey, PrefixedKey, next_nickname


class Person(AbstractBaseUser, PermissionsMixin):
    """The fields and methods that all of these users share."""

    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    objects = BaseUserManager()

    class Meta:
        abstract = True
        swappable = "AUTH_USER_MODEL"


class Contact(models.Model):
    """A table of a site that knew people before they could sign in."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=50)


class Teacher(Contact, Person):
    """A user who inherits from another table, and has a key of their own."""

    contact = models.OneToOneField(Contact, models.CASCADE, parent_link=True)
    number = models.BigAutoField(primary_key=True)
    login = models.CharField(max_length=50, unique=True)

    USERNAME_FIELD = "login"

    class Meta(Person.Meta):
        pass


class Scholar(Contact, Person):
    """A user who inherits from another table, and whose key is a link to it."""

    login = models.CharField(max_length=50, unique=True)

    USERNAME_FIELD = "login"

    class Meta(Person.Meta):
        pass


class Customer(Person):
    """A user whose key is a number for the database, and a text for Python."""

    id = PrefixedKey(primary_key=True)
    login = models.CharField(max_length=50, unique=True)

    USERNAME_FIELD = "login"

    class Meta(Person.Meta):
        db_table = settings.CUSTOMERS


class Owner(Person):
    """A user whose key is an object for Python, and who signs in by mail."""

    id = HandleKey(primary_key=True)
    email = models.EmailField(unique=True)

    USERNAME_FIELD = "email"

    class Meta(Person.Meta):
        pass


class Reader(Person):
    """A user whose key is a text, which each database sorts in its own way."""

    id = models.CharField(
        primary_key=True,
        max_length=20,
        default=next_nickname,
        db_collation=settings.KEY_COLLATION,
    )
    email = models.EmailField(unique=True)

    USERNAME_FIELD = "email"

    class Meta(Person.Meta):
        pass


class Pupil(Person):
    """A user who signs in with a number."""

    id = models.BigAutoField(primary_key=True)
    roll = models.IntegerField(unique=True)

    USERNAME_FIELD = "roll"

    class Meta(Person.Meta):
        pass

    def __str__(self):
        return f"No. {self.roll}"
