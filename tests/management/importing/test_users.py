from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.db import connection, models
from django.db.models import QuerySet

from gamification.exceptions import UnknownUserError
from gamification.management.importing.users import UserLookup
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

User = get_user_model()


def problem_of(found: object) -> str:
    assert isinstance(found, UnknownUserError)
    return str(found)


def test_users_are_found_by_what_they_sign_in_with():
    ada, bob = UserFactory(username="ada"), UserFactory(username="bob")

    found = UserLookup().find({"ada", "bob", "eve"})

    assert problem_of(found.pop("eve")) == "There is no user 'eve'."
    assert found == {"ada": ada.pk, "bob": bob.pk}


def test_users_are_found_whatever_the_form_of_their_letters():
    user = UserFactory(username="zoë")

    assert UserLookup().find({"zoe\u0308"}) == {"zoe\u0308": user.pk}


def test_any_number_of_users_is_found_with_one_query(django_assert_num_queries):
    names = {UserFactory().username for _ in range(50)}

    with django_assert_num_queries(1):
        found = UserLookup().find(names)

    assert {*found.values()} == {*User.objects.values_list("pk", flat=True)}


@pytest.mark.parametrize("name", ["x", "9" * 30, ""])
def test_users_are_found_by_a_column_of_any_type(user, monkeypatch, name):
    monkeypatch.setattr(User, "USERNAME_FIELD", User._meta.pk.name)

    found = UserLookup().find({str(user.pk), name})

    assert found[str(user.pk)] == user.pk
    assert problem_of(found[name]) == f"There is no user '{name}'."


def test_missing_users_are_created_without_a_password():
    lookup = UserLookup(create=True)

    found = lookup.find({"ada@example.org"})

    ada = User.objects.get(username="ada@example.org")
    assert found == {"ada@example.org": ada.pk}
    assert ada.has_usable_password() is False
    assert (ada.is_active, ada.is_staff, lookup.created) == (True, False, 1)


def test_users_who_exist_are_not_created(user):
    lookup = UserLookup(create=True)

    assert lookup.find({user.username}) == {user.username: user.pk}
    assert (lookup.created, User.objects.count()) == (0, 1)


def test_a_user_is_created_once_whatever_the_form_of_the_letters():
    found = UserLookup(create=True).find({"zoë", "zoe\u0308"})

    assert len(found) == 2
    assert User.objects.get().username == "zoë"


@pytest.mark.parametrize("name", ["a b", "<script>", "x" * 151, "a\u202eb", "=1;1"])
def test_users_with_names_against_the_rules_are_not_created(name):
    found = UserLookup(create=True).find({name})

    assert "and one could not be created: " in problem_of(found[name])
    assert User.objects.exists() is False


def test_users_whom_others_create_at_the_same_time_are_found(monkeypatch):
    lookup, create = UserLookup(create=True), UserLookup._create

    def create_late(self, values, problems):
        UserFactory(username="ada")
        return create(self, values, problems)

    monkeypatch.setattr(UserLookup, "_create", create_late)

    assert lookup.find({"ada"}) == {"ada": User.objects.get().pk}


def test_users_who_cannot_be_created_in_bulk_are_created_one_by_one(monkeypatch):
    """Django refuses models that inherit from another table."""

    def refuse(self, users, **options):
        UserFactory(username="ada")
        raise ValueError

    monkeypatch.setattr(QuerySet, "bulk_create", refuse)

    found = UserLookup(create=True).find({"ada", "bob"})

    made = dict(User.objects.values_list("username", "pk"))
    assert found == made
    assert made.keys() == {"ada", "bob"}


def make_unique(column: str) -> None:
    with connection.cursor() as cursor:
        table = User._meta.db_table
        cursor.execute(f"CREATE UNIQUE INDEX the_index ON {table} ({column})")


@pytest.fixture(params=["unique field", "constraint"])
def unique_email(request, monkeypatch):
    """The e-mail address of users is unique, and empty by default."""
    make_unique("email")
    if request.param == "constraint":
        constraint = models.UniqueConstraint(fields=["email"], name="the_index")
        monkeypatch.setattr(User._meta, "total_unique_constraints", [constraint])
    else:
        monkeypatch.setattr(User._meta.get_field("email"), "unique", True)


@pytest.mark.usefixtures("unique_email")
def test_a_field_that_stands_in_the_way_is_named():
    lookup = UserLookup(create=True)

    found = lookup.find(["ada", "bob", "eve"])

    assert found["ada"] == User.objects.get().pk
    assert [problem_of(found[name]) for name in ("bob", "eve")] == [
        "No user 'bob', and one could not be created: email '' is already taken.",
        "No user 'eve', and one could not be created: email '' is already taken.",
    ]
    assert (lookup.created, lookup.taken) == (1, {"email": ""})


@pytest.mark.usefixtures("unique_email")
def test_who_stands_in_the_way_is_looked_for_once(django_assert_max_num_queries):
    names = [f"user-{number}" for number in range(50)]

    with django_assert_max_num_queries(15):
        UserLookup(create=True).find(names)


@pytest.mark.usefixtures("unique_email")
def test_a_field_that_stands_in_the_way_can_be_filled():
    lookup = UserLookup(["email"], create=True)

    found = lookup.find(["ada@example.org", "bob@example.org"])

    users = User.objects.values_list("email", "username", "pk").order_by("email")
    assert list(users) == [(name, name, found[name]) for name in sorted(found)]
    assert (lookup.created, lookup.taken) == (2, {})


@pytest.mark.usefixtures("unique_email")
def test_a_name_that_somebody_else_signs_in_with_is_taken():
    UserFactory(username="ada@example.org", email="x@example.org")

    found = UserLookup(["email"], create=True).find(["ada@example.org"])

    assert problem_of(found["ada@example.org"]) == (
        "No user 'ada@example.org', and one could not be created: "
        "username 'ada@example.org' is already taken."
    )


def test_what_the_database_refuses_is_told_in_its_words():
    make_unique("lower(email)")

    found = UserLookup(create=True).find(["ada", "bob"])

    assert found["ada"] == User.objects.get().pk
    assert "the_index" in problem_of(found["bob"])


def test_what_the_user_model_refuses_is_told_in_its_words(monkeypatch):
    def refuse(self, *args, **options):
        raise ValidationError("Bots are not allowed.")

    monkeypatch.setattr(QuerySet, "bulk_create", refuse)
    monkeypatch.setattr(User, "save", refuse)

    found = UserLookup(create=True).find(["bot"])

    assert problem_of(found["bot"]) == (
        "No user 'bot', and one could not be created: Bots are not allowed."
    )


def test_users_are_found_by_another_field():
    user = UserFactory(username="ada", email="ada@example.org")

    assert UserLookup(["email"]).find(["ada@example.org"]) == {
        "ada@example.org": user.pk
    }


def test_a_value_that_several_users_have_finds_none_of_them():
    UserFactory.create_batch(2, email="we@example.org")

    found = UserLookup(["email"], create=True).find(["we@example.org"])

    assert problem_of(found["we@example.org"]) == (
        "Several users have the email 'we@example.org'."
    )


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("emial", "Users have no field 'emial'. Did you mean 'email'?"),
        ("groups", "Users cannot be found by the field 'groups'."),
    ],
)
def test_a_field_that_finds_no_users_is_an_error(field, reason):
    with pytest.raises(CommandError) as refusal:
        UserLookup([field])

    assert str(refusal.value) == reason
