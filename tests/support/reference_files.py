"""Real files of real instruments. They are not part of the repository: HALITE_REFERENCE_DIR names their folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
CYCLER_FILES = Path(os.environ.get("HALITE_REFERENCE_DIR", _BESIDE_THE_REPOSITORY)) / "cycler"


def reference(name: str) -> Path:
    path = CYCLER_FILES / name
    if not path.is_file():
        pytest.skip(f"no {name} in {CYCLER_FILES}: set HALITE_REFERENCE_DIR to the folder of reference files")
    return path


def reference_folder() -> Path:
    if not CYCLER_FILES.is_dir():
        pytest.skip(f"no folder {CYCLER_FILES}: set HALITE_REFERENCE_DIR to the folder of reference files")
    return CYCLER_FILES
