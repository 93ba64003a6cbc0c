"""The demo line, loaded once for all tests of a module."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mes.demo.load import LoadedDemo, load_demo
from tests.support.cluster import Database

LOADED_AT = timezone.now()


@pytest.fixture(scope="module")
def demo(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> LoadedDemo:
    """Loaded at LOADED_AT; the tests share it and its file of keys."""
    return load_demo(state_directory=tmp_path_factory.mktemp("demo"), now=LOADED_AT)
