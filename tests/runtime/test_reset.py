"""`make reset` deletes an installation's data, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mes.runtime import reset
from mes.runtime.lock import InstanceLock


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "var"
    (directory / "log").mkdir(parents=True)
    (directory / "secret_key").write_text("secret")
    monkeypatch.setenv("HALITE_DIR", str(directory))
    return directory


def test_it_needs_a_confirmation(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reset.main() == 1
    assert "CONFIRM=1" in capsys.readouterr().err
    assert (directory / "secret_key").exists()


def test_confirmed_it_deletes_everything(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIRM", "1")
    assert reset.main() == 0
    assert not directory.exists()
    assert reset.main() == 0


def test_a_running_installation_is_left_alone(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONFIRM", "1")
    lock = InstanceLock.acquire(directory / "halite.lock", "process 7")
    assert reset.main() == 1
    assert "already runs" in capsys.readouterr().err
    assert (directory / "secret_key").exists()
    lock.release()


def test_a_directory_of_something_else_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    monkeypatch.setenv("HALITE_DIR", str(tmp_path))
    monkeypatch.setenv("CONFIRM", "1")
    assert reset.main() == 1
    assert "does not look like" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").exists()


def test_what_halite_did_not_make_stays(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "photos").mkdir()
    monkeypatch.setenv("CONFIRM", "1")
    assert reset.main() == 0
    assert [path.name for path in directory.iterdir()] == ["photos"]
    assert "left alone, because Halite did not make it: photos" in capsys.readouterr().out


def test_a_folder_with_logs_is_not_an_installation(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "secret_key").unlink()
    (directory / "postgres").mkdir()
    monkeypatch.setenv("CONFIRM", "1")
    assert reset.main() == 1
    assert "does not look like" in capsys.readouterr().err
    assert (directory / "log").exists() and (directory / "postgres").exists()


def test_what_cannot_be_deleted_is_said(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: str, onerror: Callable[..., None]) -> None:
        onerror(None, path, (OSError, PermissionError(13, "Permission denied"), None))

    monkeypatch.setenv("CONFIRM", "1")
    monkeypatch.setattr(reset.shutil, "rmtree", refuse)
    assert reset.main() == 1
    answer = capsys.readouterr()
    assert "deleted all data" not in answer.out
    assert "log" in answer.err and "Permission denied" in answer.err
