"""`python -m tests.support.template`: migrates the database that the tests copy, before any of them waits for it."""

from __future__ import annotations

from tests import conftest
from tests.support.cluster import TestCluster


def main() -> None:
    cluster = TestCluster(conftest.RUN_DIRECTORY)
    cluster.start()
    cluster.stop()


if __name__ == "__main__":
    main()
