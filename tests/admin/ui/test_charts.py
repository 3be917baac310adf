from __future__ import annotations

import pytest
from django.template.loader import render_to_string

from gamification.admin.ui.charts import Bar, Chart


def chart(**options):
    values = {
        "id": "xp",
        "title": "XP per day",
        "unit": "XP",
        "labels": ["Mon", "Tue"],
        "series": {"Walks": [40, 0], "Swims": [60, 50]},
    }
    return Chart(**values | options)


def test_bars_can_be_stacked():
    bars = list(chart(is_stacked=True).bars())

    # The bars are 204 high for 100 XP and stand at 216. Each label is 332 wide.
    assert bars == [
        Bar(89.2, 134.4, 265.6, 81.6, 0, "Mon: Walks 40 XP"),
        Bar(89.2, 12.0, 265.6, 122.4, 1, "Mon: Swims 60 XP"),
        Bar(421.2, 114.0, 265.6, 102.0, 1, "Tue: Swims 50 XP"),
    ]


def test_bars_stand_beside_each_other():
    bars = list(chart().bars())

    assert [(bar.x, bar.width) for bar in bars] == [
        (89.2, 132.8),
        (222.0, 132.8),
        (554.0, 132.8),
    ]


def test_negative_numbers_appear_only_in_the_table():
    losses = chart(labels=["Mon"], series={"Walks": [-5]})

    assert (list(losses.bars()), losses.table()) == ([], [("Mon", ["-5"])])


@pytest.mark.parametrize(
    ("highest", "scale"),
    [
        (0.4, ["0", "1", "2"]),
        (7, ["0", "4", "8"]),
        (11, ["0", "10", "20"]),
        (1_234, ["0", "1,000", "2,000"]),
        (100, ["0", "50", "100"]),
    ],
)
def test_the_scale_ends_at_a_round_number(highest, scale):
    marks = chart(labels=["Mon"], series={"Walks": [highest]}).scale()

    assert [mark.text for mark in marks] == scale


def test_the_axis_shows_as_many_labels_as_fit():
    days = [str(n) for n in range(1, 31)]

    labels = chart(labels=days, series={"Walks": [1] * 30}).axis_labels()

    assert [label.text for label in labels] == [str(n) for n in range(1, 31, 3)]


def test_colours_repeat():
    many = {str(n): [1, 1] for n in range(9)}

    assert chart(series=many).legend()[-1] == (0, "8")


def test_numbers_have_thousands_separators():
    table = chart(labels=["Mon"], series={"Walks": [1234.56]}).table()

    assert table == [("Mon", ["1,234.6"])]


@pytest.mark.parametrize(
    ("number", "top"),
    [(9_000, "10k"), (5_000, "6,000"), (15_000, "20k"), (2_400_000, "4M")],
)
def test_the_scale_has_short_numbers(number, top):
    scale = chart(labels=["Mon"], series={"Walks": [number]}).scale()

    assert scale[-1].text == top


def test_charts_are_accessible_to_screen_readers():
    html = render_to_string("gamification/admin/chart.html", {"chart": chart()})

    assert 'role="img" aria-labelledby="xp-title" aria-describedby="xp-table"' in html
    assert '<th scope="row">Mon</th><td>40</td><td>60</td>' in html


def test_names_are_escaped():
    named = chart(series={"<script>": [1, 2]})

    html = render_to_string("gamification/admin/chart.html", {"chart": named})

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("series", [{}, {"Walks": [0, 0]}])
def test_an_empty_chart_says_so(series):
    html = render_to_string(
        "gamification/admin/chart.html", {"chart": chart(series=series)}
    )

    assert "No data yet." in html
    assert "<svg" not in html


def test_svg_positions_do_not_depend_on_the_language(settings):
    settings.LANGUAGE_CODE, settings.USE_THOUSAND_SEPARATOR = "de", True

    html = render_to_string("gamification/admin/chart.html", {"chart": chart()})

    assert 'x="89.2"' in html
