"""The shape of the tree: what may stand at its top, how long a module may be, what no file may say."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from mes.runtime.state import PROJECT_DIR

TOP_LEVEL = {
    *("lots", "spc", "quality", "mes", "tests", "docs", "deploy", "benchmarks", ".ci", ".gitignore"),
    *("Makefile", "README.md", "CHANGELOG.md", "LICENSE", "manage.py", "pyproject.toml"),
    *("requirements.txt", "requirements-dev.txt"),
}

CEILING = 300
# Each says one thing that would not be clearer in two files.
LONGER_BY_REVIEW = {
    "quality/queries.py": 330,
    "mes/web/views/charts.py": 330,
    "mes/web/views/station.py": 330,
}

PACKAGES = ("lots", "spc", "quality", "mes")
HEADLESS = ("lots", "spc", "quality")
HTTP_PARTS_OF_DJANGO = ("django.http", "django.template", "django.shortcuts", "django.views", "django.urls")

# Unfinished work, and traces of the machine a file was written on.
UNWANTED = {
    "unfinished work": re.compile(
        r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|NotImplemented" + r"Error"
    ),
    "a package index": re.compile(r"--(?:extra-)?index-" + r"url|--find-" + r"links|simple/" + r"pypi"),
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(?:ro" + r"ot|wo" + r"rk|Us" + r"ers)/\w"),
}
TEXT = {".py", ".md", ".html", ".css", ".js", ".toml", ".txt", ".sh", ".yaml", ".json", ".sql", ""}
VENDORED = ("vendor", "reference")


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT_DIR, capture_output=True, check=True)
    names = [Path(name) for name in listing.stdout.decode().split("\0") if name]
    return [name for name in names if (PROJECT_DIR / name).is_file()]


def sources(*packages: str) -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py" and path.parts[0] in packages]


def imports(path: Path) -> set[str]:
    """Dotted names of all modules a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((PROJECT_DIR / path).read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_the_top_level_holds_what_a_newcomer_expects() -> None:
    assert {path.parts[0] for path in tracked()} <= TOP_LEVEL


def test_modules_stay_short() -> None:
    lengths = {
        str(path): len((PROJECT_DIR / path).read_text().splitlines())
        for path in sources(*PACKAGES)
        if "migrations" not in path.parts
    }
    too_long = {name: n for name, n in lengths.items() if n > LONGER_BY_REVIEW.get(name, CEILING)}
    assert too_long == {}


def test_the_domain_speaks_no_http() -> None:
    offenders = {
        str(path): sorted(name for name in imports(path) if within(name, HTTP_PARTS_OF_DJANGO))
        for path in sources(*HEADLESS)
    }
    assert {name: found for name, found in offenders.items() if found} == {}


def test_no_model_signals() -> None:
    """A verb calls what follows from it; nothing happens behind its back."""
    offenders = [
        str(path)
        for path in sources(*PACKAGES)
        if any(within(name, ("django.db.models.signals",)) for name in imports(path))
    ]
    assert offenders == []


@pytest.mark.parametrize("what", UNWANTED)
def test_no_file_contains(what: str) -> None:
    offenders = []
    for path in tracked():
        if path.suffix in TEXT and not any(part in VENDORED for part in path.parts):
            for number, line in enumerate((PROJECT_DIR / path).read_text(errors="replace").splitlines(), 1):
                if UNWANTED[what].search(line):
                    offenders.append(f"{path}:{number}: {line.strip()[:80]}")
    assert offenders == []


def test_every_test_checks_something() -> None:
    offenders = [
        f"{path}:{node.lineno} {node.name}"
        for path in sources("tests")
        for node in ast.walk(ast.parse((PROJECT_DIR / path).read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not checks(node)
    ]
    assert offenders == []


def checks(function: ast.FunctionDef) -> bool:
    """Whether a test asserts, expects an error, or calls a helper whose name says that it does."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name.startswith(("raises", "assert", "expect", "fail", "check", "refuse")):
                return True
    return False
