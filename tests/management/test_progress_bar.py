from __future__ import annotations

import io
import sys

import pytest

from gamification.management.progress_bar import Meter
from tests.management.imports import Terminal


def test_a_terminal_shows_a_bar():
    terminal = Terminal()

    with Meter(terminal, "B", total=200) as meter:
        meter.advance(50)
        meter.advance(200)

    assert "200/200" in terminal.getvalue()


def test_a_bar_makes_way_for_other_words():
    terminal = Terminal()

    with Meter(terminal, "B", total=200) as meter, meter.aside():
        terminal.write("line 2: bad\n")

    before, after = terminal.getvalue().split("line 2: bad\n")
    assert before.endswith("\r")
    assert "0/200" in after


def without_terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    return io.StringIO()


def without_tqdm(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    return Terminal()


@pytest.mark.parametrize("make_stream", [without_terminal, without_tqdm])
def test_there_is_no_bar_without_a_terminal_or_tqdm(monkeypatch, make_stream):
    stream = make_stream(monkeypatch)

    with Meter(stream, "B", total=200) as meter, meter.aside():
        meter.advance(50)

    assert stream.getvalue() == ""
