from __future__ import annotations

import pytest

from gamification.models import Achievement
from tests.admin.catalogue.achievements.test_pages import (
    ADD,
    LIST,
    NEW,
    change_page,
    save,
    save_list,
)
from tests.factories import AchievementFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


@pytest.fixture
def medals():
    """Two steps of a series: 100 XP and 200."""
    return [
        AchievementFactory(
            name=name,
            criterion="total_xp",
            threshold=100 * step,
            series="medals",
            step=step,
            position=step,
        )
        for step, name in enumerate(["Bronze", "Silver"], 1)
    ]


def test_a_step_is_added_and_its_series_offered(admin_client, medals):
    step = {"series": "medals", "step": "3", "threshold": "300"}

    page = admin_client.get(ADD).content.decode()
    admin_client.post(ADD, NEW | step | {"criterion": "total_xp"})

    assert '<datalist id="gam-series"><option value="medals"></datalist>' in page
    made = Achievement.objects.get(key="walk_10")
    assert (made.series, made.step) == ("medals", 3)


def test_a_step_that_asks_for_no_more_is_refused(admin_client, medals):
    silver = medals[1]

    response = save(
        admin_client, change_page(silver), "achievement_form", threshold="100"
    )

    assert response.context["adminform"].form.errors == {
        "threshold": [
            "Step 2 “Silver” (100) must ask for more than step 1 “Bronze” (100)."
        ]
    }
    silver.refresh_from_db()
    assert silver.threshold == 200


def test_a_row_of_the_list_is_refused_too(admin_client, medals):
    response = save_list(admin_client, **{"form-0-threshold": "200"})

    [errors, _none] = response.context["cl"].formset.errors
    assert [*errors] == ["threshold"]


def test_the_list_shows_the_steps_of_a_series(admin_client, medals):
    AchievementFactory(name="Other")

    response = admin_client.get(LIST, {"series": "medals"})

    found = [row.name for row in response.context["cl"].result_list]
    assert found == ["Bronze", "Silver"]
