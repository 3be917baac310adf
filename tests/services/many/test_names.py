from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db.models import CharField

from gamification.exceptions import InvalidRequestError
from gamification.services.many import names
from gamification.staff import find_names, find_users
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return UserFactory(username="ada", email="Ada@Example.org")


@pytest.fixture
def grace():
    return UserFactory(username="grace", email="grace@example.org")


def found(text):
    return {*find_users(text).found.values()}


def test_a_user_is_found_by_user_name_by_email_and_by_key(ada, grace):
    bob = UserFactory(username="bob")

    users = find_users(f"ada\ngrace@example.org\n{bob.pk}")

    assert {*users.found} == {ada.pk, grace.pk, bob.pk}
    assert (users.unknown, users.ambiguous, users.repeated) == ([], [], 0)


def test_the_users_come_in_order_of_their_keys(ada, grace):
    users = find_users("grace\nada")

    assert [*users.found] == sorted([ada.pk, grace.pk])


@pytest.mark.parametrize(
    "text",
    [
        "ada\ngrace",
        "ada, grace",
        "ada;grace",
        "ada\tgrace",
        "\n  ada \n\n\tgrace,,\n",
        "\ufeffada\r\ngrace\r\n",
        '"ada","grace"',
    ],
)
def test_names_are_separated_by_lines_commas_semicolons_and_tabs(ada, grace, text):
    users = find_users(text)

    assert {*users.found.values()} == {"ada", "grace"}
    assert users.unknown == []


def test_case_matters_in_user_names_but_not_in_addresses(ada):
    users = find_users("ADA\naDA@eXAMPLE.ORG")

    assert (users.found, users.unknown) == ({ada.pk: "aDA@eXAMPLE.ORG"}, ["ADA"])


def test_a_heading_that_says_what_the_names_are_counts_more(ada):
    assert find_users("name,email\nAda,ada@example.org").found == {
        ada.pk: "ada@example.org"
    }


@pytest.mark.parametrize("heading", ["username", "User Name", "login", "user"])
def test_a_column_with_a_heading_is_the_only_one_that_counts(ada, grace, heading):
    text = f"Team;{heading};Score\nred;ada;7\nblue;grace;8\nnobody\n"

    assert found(text) == {"ada", "grace"}


def test_a_heading_says_what_the_names_are(ada, grace):
    UserFactory(username=str(ada.pk))

    users = find_users(f"key\n{ada.pk}\ngrace\n")

    assert (users.found, users.unknown) == ({ada.pk: str(ada.pk)}, ["grace"])
    assert find_users("email\nada@example.org\n").found == {ada.pk: "ada@example.org"}
    assert find_users("username\nada@example.org").unknown == ["ada@example.org"]


def test_a_name_of_two_users_is_ambiguous(ada):
    UserFactory(username="other", email="ada@example.org")

    users = find_users("ada@example.org")

    assert (users.found, users.ambiguous) == ({}, ["ada@example.org"])


def test_a_user_named_twice_is_in_the_list_once(ada):
    users = find_users("ada\nada\nada@example.org")

    assert (users.found, users.repeated) == ({ada.pk: "ada"}, 2)


@pytest.mark.parametrize("name", ["nobody", "nobody@example.org", "9" * 40, "a\0b"])
def test_a_name_that_nobody_has_is_unknown(name, db):
    assert find_users(name).unknown == [name]


def test_a_key_of_nobody_is_unknown(ada):
    is_number = get_user_model()._meta.pk.get_internal_type() != "UUIDField"
    nobody = str(ada.pk + 1 if is_number else uuid4())

    assert find_users(nobody).unknown == [nobody]


def test_another_spelling_of_a_key_is_unknown(ada, swap_key):
    swap_key(CharField(max_length=50))

    # The database finds the user, whose key is no text.
    assert find_names([str(ada.pk)], "key").unknown == [str(ada.pk)]


def test_names_are_looked_up_in_parts(ada, grace, monkeypatch):
    monkeypatch.setattr(names, "_AT_ONCE", 1)

    assert found("ada grace@example.org".replace(" ", ",")) == {
        "ada",
        "grace@example.org",
    }


@pytest.mark.parametrize("text", ["", " \n", ",,", "email\n"])
def test_a_list_without_names_is_refused(text):
    with pytest.raises(InvalidRequestError, match="0 names, not 1 to 50,000"):
        find_users(text)


def test_a_list_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(names, "MAX_NAMES", 2)

    with pytest.raises(InvalidRequestError, match="3 names"):
        find_users("a,b,c")


def test_a_model_without_addresses_has_none(ada, monkeypatch):
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "no_such_field")

    assert find_users("ada@example.org").unknown == ["ada@example.org"]
