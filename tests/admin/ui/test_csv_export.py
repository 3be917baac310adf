from __future__ import annotations

import csv
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.admin.ui import csv_export
from gamification.admin.ui.csv_export import as_cell
from gamification.models import Achievement, LedgerEntry, Level, UserGamification
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import INTERNAL, ledger_of

pytestmark = pytest.mark.django_db

#: Levels are edited together, on one page.
MODELS = sorted(
    {*apps.get_app_config("gamification").get_models()} - INTERNAL - {Level},
    key=lambda model: model.__name__,
)


def address(model):
    return reverse(f"admin:gamification_{model._meta.model_name}_changelist")


def export(client, model, keys, *, across=False, **query):
    """Export the rows with these keys or, if ``across`` pages, the whole list."""
    action = {
        "action": "export_as_csv",
        "index": 0,
        "select_across": int(across),
        "_selected_action": keys,
    }
    return client.post(address(model), action, query_params=query)


def export_all(client, model, **query):
    return export(client, model, [1], across=True, **query)


def rows_of(response):
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines(keepends=True)))


# --- Cells


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (-50, -50),
        (2**63 - 1, 9223372036854775807),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 7, 30, tzinfo=UTC), "2026-03-02T07:30:00+00:00"),
        ("Ten walks", "Ten walks"),
        ("a\0b", "a\ufffdb"),
        (Achievement(key="walk_10", name="=1+1"), "walk_10"),
    ],
)
def test_values_are_exported_as_plain_cells(value, cell):
    assert as_cell(value) == cell


@pytest.mark.parametrize("sign", [*"=+-@\t\r\n", *"＝＋－＠"])
def test_formulas_are_exported_as_text(sign):
    assert as_cell(f"{sign}1+1") == f"'{sign}1+1"


def test_a_text_with_a_minus_sign_is_escaped():
    assert as_cell("-50") == "'-50"


@pytest.mark.parametrize("end", [",", ";", "\t", "\n", ';"', ";'"[:1] + '""'])
def test_formulas_after_separators_are_exported_as_text(end):
    assert as_cell(f"a{end}=1+1") == f"a{end}'=1+1"


@pytest.mark.parametrize("text", ["a=1", "a - b", "me@example.com", "1, 2; 3", "é"])
def test_texts_that_are_no_formulas_are_unchanged(text):
    assert as_cell(text) == text


# --- Files


@pytest.mark.parametrize("model", MODELS)
def test_every_list_is_exported(admin_client, user, activity, model):
    record_activity(user, "walk")
    award_achievement(user, AchievementFactory().key)

    response = export_all(admin_client, model)

    written = {int(row["id"]) for row in rows_of(response)}
    assert written == {*model.objects.values_list("pk", flat=True)}


@time_machine.travel(datetime(2026, 3, 2, 7, 30, tzinfo=UTC), tick=False)
def test_the_columns_of_an_exported_entry(admin_client, user, staff):
    adjust_xp(user, amount=50, note="A present.")
    entry = adjust_xp(
        user, amount=-20, note='"Sorry",\n=1', internal_note="Fraud.", actor=staff
    ).entry

    response = export(admin_client, LedgerEntry, [entry.id])

    assert rows_of(response) == [
        {
            "id": str(entry.id),
            "user_id": str(user.pk),
            "user": user.get_username(),
            "kind": "adjustment",
            "amount": "-20",
            "activity": "",
            "achievement": "",
            "quantity": "0",
            "rewarded": "0",
            "xp_reward": "0",
            "extends_streak": "false",
            "occurred_at": "2026-03-02T07:30:00+00:00",
            "local_date": "2026-03-02",
            "recorded_at": "2026-03-02T07:30:00+00:00",
            "key": "",
            "fingerprint": ledger_of(user)[1].fingerprint,
            "source": "",
            "reverses": "",
            "corrects": "",
            "actor_id": str(staff.pk),
            "actor": staff.get_username(),
            "note": '"Sorry",\n\'=1',
            "internal_note": "Fraud.",
            "job": "",
            "number": "",
            "period": "",
            "attributes": "",
        }
    ]


def test_attributes_are_exported_as_json(admin_client, user):
    ActivityFactory(key="review", attributes={"genre": "string", "pages": "integer"})
    said = {"pages": 7, "genre": 'für "alle"'}
    entry = record_activity(user, "review", attributes=said).entry

    [row] = rows_of(export(admin_client, LedgerEntry, [entry.id]))

    assert row["attributes"] == '{"genre": "für \\"alle\\"", "pages": 7}'


@time_machine.travel(datetime(2026, 3, 2, 7, 30, tzinfo=UTC), tick=False)
def test_the_file_has_a_name_type_and_header(admin_client, activity):
    response = export(admin_client, type(activity), [activity.pk])

    text = b"".join(response.streaming_content)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == (
        'attachment; filename="activity-2026-03-02.csv"'
    )
    assert text.startswith(b"\xef\xbb\xbfid,key,name,description,xp_reward,")


def test_names_of_users_are_not_exported_as_formulas(admin_client, activity):
    record_activity(UserFactory(username='=HYPERLINK("//x")'), "walk")

    [row] = rows_of(export_all(admin_client, UserGamification))

    assert row["user"] == '\'=HYPERLINK("//x")'


def test_activities_and_achievements_are_exported_by_key(admin_client, user, activity):
    record_activity(user, "walk")

    kinds = {"kind__exact": "activity"}
    [row] = rows_of(export_all(admin_client, LedgerEntry, **kinds))

    assert row["activity"] == "walk"


def test_an_export_keeps_the_filter_and_the_order(admin_client, user):
    AchievementFactory(key="a", position=2, status="draft")
    AchievementFactory(key="b", position=1, status="draft")

    rows = rows_of(export_all(admin_client, Achievement, status__exact="draft"))

    assert [row["key"] for row in rows] == ["b", "a"]


def test_only_the_selected_rows_are_exported(admin_client, user):
    for amount in (1, 2, 3):
        adjust_xp(user, amount=amount, note="A present.")
    keys = [entry.pk for entry in ledger_of(user)]

    rows = rows_of(export(admin_client, LedgerEntry, keys[:2]))

    assert [row["amount"] for row in rows] == ["2", "1"]


def test_too_many_rows_are_refused(admin_client, user, monkeypatch):
    monkeypatch.setattr(csv_export, "MAX_ROWS", 2)
    for amount in (1, 2, 3):
        adjust_xp(user, amount=amount, note="A present.")

    response = export_all(admin_client, LedgerEntry)
    [message] = admin_client.get(response.url).context["messages"]

    assert (
        str(message)
        == "More than 2 rows are selected. Filter or search for fewer rows."
    )
    assert len(rows_of(export_all(admin_client, LedgerEntry, amount__gt=1))) == 2


def test_rows_are_read_in_chunks(
    admin_client, user, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(csv_export, "_CHUNK", 2)
    for amount in (1, 2, 3):
        adjust_xp(user, amount=amount, note="A present.")
    response = export_all(admin_client, LedgerEntry)

    with django_assert_num_queries(2):
        rows = rows_of(response)

    assert [row["amount"] for row in rows] == ["3", "2", "1"]


def test_concurrently_deleted_rows_are_left_out(admin_client, user, activity):
    for each in (user, UserFactory()):
        record_activity(each, "walk")
    response = export_all(admin_client, UserGamification)

    user.delete()

    assert len(rows_of(response)) == 1


@pytest.mark.parametrize("model", MODELS)
def test_an_export_needs_the_view_permission(client, staff, model):
    client.force_login(staff)

    assert export_all(client, model).status_code == 403


def test_users_with_the_view_permission_can_export(client, staff):
    permission = Permission.objects.get(codename="view_activity")
    staff.user_permissions.add(permission)
    client.force_login(staff)
    ActivityFactory(key="walk")

    rows = rows_of(export_all(client, permission.content_type.model_class()))

    assert "walk" in {row["key"] for row in rows}


@pytest.mark.parametrize("key", ["", "x", "1\0", "1.5", "9" * 30, "9" * 5_000])
def test_invalid_primary_keys_are_refused(admin_client, activity, key):
    response = export(admin_client, LedgerEntry, [key])

    assert response.status_code == 400
