"""One embedded PostgreSQL per process that runs tests; databases cloned from a migrated template.

Ordinary database tests run as the application's role inside a transaction that is rolled back.
Tests that commit, or start threads and processes, ask for `fresh_database`: evidence is append-only,
so Django's way of emptying tables between tests cannot work here.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from pytest_django import DjangoDbBlocker

# Examples are judged by what they assert: on a busy machine one of them may take its time.
hypothesis.settings.register_profile("halite", deadline=None)
hypothesis.settings.load_profile("halite")

# Before Django reads its settings. The directory must let the database's user pass through.
RUN_DIRECTORY = Path(tempfile.mkdtemp(prefix="halite-test-"))
RUN_DIRECTORY.chmod(0o711)
for variable in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SIMULATOR_URL", "REDIS_URL", "SECRET_KEY"):
    os.environ.pop(variable, None)
os.environ.update(
    DJANGO_SETTINGS_MODULE="mes.settings",
    HALITE_PROFILE="test",
    HALITE_DIR=str(RUN_DIRECTORY),
    HALITE_PROCESS="test",
    # Playwright keeps an event loop in the main thread; the tests' own queries there are synchronous.
    DJANGO_ALLOW_ASYNC_UNSAFE="1",
)
atexit.register(shutil.rmtree, RUN_DIRECTORY, ignore_errors=True)

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.core.cache import cache  # noqa: E402

from tests.support.cluster import Database, TestCluster, use_database  # noqa: E402

ALONE = {"faults", "flow", "runtime"}  # folders, as in the Makefile

pytest_plugins = ["tests.support.processes", "tests.support.browser", "tests.support.demo"]


@pytest.hookimpl(optionalhook=True)  # tests also run without xdist
def pytest_xdist_setupnodes() -> None:
    """Let each process read the settings by itself, after it has set its own directory above."""
    del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mark = item.get_closest_marker("django_db")
        if mark is not None and mark.kwargs.get("transaction"):
            raise pytest.UsageError(f"{item.nodeid}: use the fixture fresh_database, tables are append-only")
        parts = Path(item.path).parts
        if item.get_closest_marker("alone") is not None and not ALONE.intersection(parts):
            raise pytest.UsageError(
                f"{item.nodeid}: `make test` looks for tests that run alone in {sorted(ALONE)}"
            )
        for kind in ("flow", "browser"):
            if kind in parts:
                item.add_marker(kind)


def pytest_collection_finish() -> None:
    """All that the tests import stays: not to be looked through again for garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def cluster(django_db_blocker: DjangoDbBlocker) -> Iterator[TestCluster]:
    cluster = TestCluster(RUN_DIRECTORY)
    with django_db_blocker.unblock():
        cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def django_db_setup(cluster: TestCluster, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        restore = use_database(cluster.clone_to_roll_back())
    yield
    with django_db_blocker.unblock():
        restore()


@pytest.fixture(autouse=True)
def nothing_from_earlier_tests() -> None:
    """Wrong passwords of one test are not counted in the next, nor are the audit chains of another database missed."""
    cache.clear()
    settings.ANCHORS_FILE.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def module_database(
    cluster: TestCluster, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Database]:
    """What the module's fixtures commit here, its tests share; each test itself is rolled back."""
    name = cluster.clone_to_roll_back()
    with django_db_blocker.unblock():
        restore = use_database(name)
        yield Database(name, cluster)
        restore()
    cluster.drop(name)


@pytest.fixture
def transactional_db() -> None:
    pytest.fail("use the fixture fresh_database: tables are append-only and cannot be emptied")


@pytest.fixture
def fresh_database(
    cluster: TestCluster, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Database]:
    name = cluster.clone()
    with django_db_blocker.unblock():
        restore = use_database(name)
        yield Database(name, cluster)
        restore()
    cluster.drop(name)
