"""`python -m benchmarks [NAME …] [--size tiny|small|full|huge]`: figures as lines of JSON; no time is asserted."""

from __future__ import annotations

import argparse
import importlib
import tempfile
from pathlib import Path

from benchmarks.figures import Size
from benchmarks.installation import Installation

# Each is a module with a function `figures`.
NAMES = ("engine", "cycler", "classification", "ingest", "trace", "hold", "pages", "pipeline")
# Takes minutes even at its small size: only when it is named.
ON_REQUEST = ("detection",)
WITHOUT_DATABASE = {"engine", "cycler", "classification", "detection"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = (*NAMES, *ON_REQUEST)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.SMALL)
    parser.add_argument(
        "--full", action="store_const", const=Size.FULL, dest="size", help="the same as --size full"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(known)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    with tempfile.TemporaryDirectory(prefix="halite-benchmark-") as directory:
        installation = Installation(Path(directory))
        try:
            for name in arguments.names or NAMES:
                if name not in WITHOUT_DATABASE:
                    installation.start()  # before the import: models need a configured Django
                module = importlib.import_module(f"benchmarks.{name}")
                for figure in module.figures(arguments.size, installation):
                    print(figure.line(), flush=True)
        finally:
            installation.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
