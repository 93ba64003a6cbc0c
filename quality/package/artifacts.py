"""The eleven artifacts of an evidence package (handbook 12.5) as tables, and which of them have nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quality.package import decisions, materials, matrix, rules
from quality.package.checks import Finding
from quality.package.subject import Subject
from quality.package.table import Table


@dataclass(frozen=True)
class Artifact:
    """One of the eleven: its name in the archive, how it is written, its tables, and what to do when it is empty."""

    name: str
    title: str
    tables: Callable[[Subject], list[Table]]
    missing: str = ""  # said when no table has a row; empty: nothing is an answer, too


ARTIFACTS = (
    Artifact("00_scope.pdf", "Scope", materials.scope, "the package speaks of no lot"),
    Artifact(
        "01_revision_table.xlsx",
        "Revisions",
        rules.revisions,
        "no specification with its requirement applies: specify the product's characteristics",
    ),
    Artifact(
        matrix.ARTIFACT,
        "Test matrix",
        matrix.test_matrix,
        "nothing is specified for the material, and no control plan asks for anything",
    ),
    Artifact(
        "03_traceability_map.csv",
        "Traceability map",
        materials.traceability_map,
        "no cell is traced to the material that it was made from",
    ),
    Artifact(
        "04_methods_and_calibration.pdf",
        "Methods and calibration",
        rules.methods,
        "no value names the gauge that measured it: record the gauge with each reading",
    ),
    Artifact("05_raw_data.csv", "Raw data", materials.raw_data, "nothing was measured"),
    Artifact(
        "06_results.xlsx",
        "Results by cell",
        decisions.results,
        "no cell has a capacity, an efficiency or a resistance",
    ),
    Artifact("07_conditions.csv", "Conditions", materials.conditions, "no step was run"),
    Artifact(
        "08_decision_table.pdf",
        "Decisions",
        decisions.decision_table,
        "nothing was decided: decide its acceptance or release it",
    ),
    Artifact("09_deviations.pdf", "Deviations", decisions.deviations),
    Artifact(
        "10_safety_chain.pdf",
        "Safety chain",
        decisions.safety_chain,
        "no requirement on safety is written: the chain from hazard to evidence has no beginning",
    ),
)


def missing_artifacts(tables: dict[str, list[Table]]) -> list[Finding]:
    """The artifacts that have nothing to say and must say something, and what the test matrix says was not tested."""
    found = [
        Finding(artifact.name, artifact.missing)
        for artifact in ARTIFACTS
        if artifact.missing and not any(table.rows for table in tables[artifact.name])
    ]
    return found + matrix.untested(tables[matrix.ARTIFACT][0])
