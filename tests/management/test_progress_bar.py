from __future__ import annotations

import io
import sys

import pytest

from gamification.management.progress_bar import ProgressBar
from tests.management.imports import Terminal


def test_a_terminal_shows_a_bar():
    terminal = Terminal()

    with ProgressBar(terminal, "B", total=200) as bar:
        bar.move_to(50)
        bar.move_to(200)

    assert "200/200" in terminal.getvalue()


def test_a_bar_makes_way_for_other_words():
    terminal = Terminal()

    with ProgressBar(terminal, "B", total=200) as bar, bar.paused():
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

    with ProgressBar(stream, "B", total=200) as bar, bar.paused():
        bar.move_to(50)

    assert stream.getvalue() == ""
