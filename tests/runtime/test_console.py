"""Errors of the processes reach the terminal, and only those."""

from __future__ import annotations

from pathlib import Path

import pytest

from mes.runtime import console
from mes.runtime.console import MOST_ERRORS_SHOWN, ErrorWatch, error_in


def test_structured_errors_are_shown_with_their_last_line() -> None:
    line = '{"event": "sweep_failed", "level": "error", "exception": "Traceback\\n  x\\nValueError: no"}'
    assert error_in(line) == "sweep_failed (ValueError: no)"


def test_other_lines_are_not_shown() -> None:
    assert error_in('{"event": "swept", "level": "info"}') is None
    assert error_in("2026 [7] LOG:  checkpoint complete") is None
    assert error_in('{"broken json') is None
    assert error_in("FATAL:  the database system is starting up") is None


def test_fatal_messages_of_the_database_are_shown() -> None:
    assert error_in("2026 [7] PANIC:  could not write to file") == "2026 [7] PANIC:  could not write to file"


def test_a_watch_reports_each_error_once_and_waits_for_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("PANIC old\n")
    watch = ErrorWatch(log)
    assert watch.new_errors() == []
    with log.open("a") as file:
        file.write("PANIC one\nPANIC t")
    assert watch.new_errors() == ["PANIC one"]
    with log.open("a") as file:
        file.write("wo\n")
    assert watch.new_errors() == ["PANIC two"]
    assert watch.new_errors() == []


def test_a_flood_is_cut_short(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    watch = ErrorWatch(log)
    log.write_text("PANIC\n" * 100)
    shown = watch.new_errors()
    assert len(shown) == MOST_ERRORS_SHOWN + 1
    assert shown[-1] == f"95 more errors in {log}"


def test_a_large_log_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LARGEST_LOG_BYTES", 10)
    log = tmp_path / "web.log"
    watch = ErrorWatch(log)
    log.write_text("a line that is long\n")
    watch.new_errors()
    assert log.read_text() == ""
    assert log.with_suffix(".log.1").read_text() == "a line that is long\n"
