"""A control plan as a table: read, checked row by row, and compared with another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lots.models import Characteristic, MaterialDefinition, Membership, ProductRevision
from lots.steps.base import PositionKind, SubjectKind
from quality.lot_sampling import unfit_sampling
from quality.models import ControlPlanLine, ControlPlanRevision, NamedGate, Specification
from quality.plan_charts import checked_parameters
from spc.engine import Rule
from spc.engine.live import DefinitionError
from spc.models import ChartPlan, Signal

# What can be edited, in the order of the AIAG form; step, specification and gauge follow from the characteristic and
# are written for the reader.
EDITABLE = (
    "characteristic",
    "material",
    "limits_from",
    "gate",
    "special",
    "required_count",
    "frequency",
    "chart_family",
    "subgroup_by",
    "subgroup_size",
    "subgroup_timeout_s",
    "rules",
    "parameters",
    "phase1_subgroups",
    "stratify",
    "reaction",
    "tighten_factor",
    "good_to_relax",
    "sampling",
    "inspection_level",
    "aql",
    "owner_role",
)
COLUMNS = ("step", "characteristic_name", "specification", "gauge_kind", *EDITABLE)
STRATA = {"equipment", "position", "product", "recipe", "gauge"}
NUMBERS = {
    "required_count": (0, 10_000),
    "subgroup_size": (1, 1_000),
    "subgroup_timeout_s": (1, 31_536_000),
    "phase1_subgroups": (2, 1_000),
    "tighten_factor": (2, 10),
    "good_to_relax": (1, 100),
}
# Of an empty cell.
DEFAULTS = {
    "limits_from": "current",
    "required_count": "1",
    "subgroup_size": "1",
    "subgroup_timeout_s": "86400",
    "phase1_subgroups": "25",
    "reaction": "alert",
    "tighten_factor": "2",
    "good_to_relax": "5",
    "owner_role": "quality_engineer",
}
Row = Mapping[str, str]


@dataclass(frozen=True)
class RowProblem:
    """What is wrong in a row (numbered as in a workbook, its head being 1) and field, and what would be right."""

    row: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.field}: {self.message}"


class PlanRefused(Exception):
    """The table cannot become a revision; `problems` name every row and field."""

    def __init__(self, message: str, problems: Sequence[RowProblem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


def rows_of(lines: Iterable[ControlPlanLine]) -> list[dict[str, str]]:
    """The lines as rows of text, as a workbook shows them."""
    return [
        {
            "step": line.step.code,
            "characteristic_name": line.characteristic.name,
            "specification": "yes" if line.specification_id else "",
            "gauge_kind": line.gauge_kind,
            "characteristic": line.characteristic.code,
            "material": line.material.code if line.material else "",
            **{
                name: str(getattr(line, name))
                for name in EDITABLE
                if name not in {"characteristic", "material"}
            },
        }
        for line in lines
    ]


def lines_of(revision: ControlPlanRevision) -> list[ControlPlanLine]:
    """The revision's lines with what a row shows."""
    return list(
        revision.lines.select_related("step", "characteristic", "material", "specification").order_by(
            "step__sequence", "id"
        )
    )


def read_rows(rows: Sequence[Row], product_revision: ProductRevision) -> list[dict[str, Any]]:
    """Fields of the control-plan lines. Raises PlanRefused with every problem; the first data row is row 2."""
    reader = _Reader(product_revision)
    fields = [reader.read(number, row) for number, row in enumerate(rows, start=2)]
    if not rows:
        raise PlanRefused("the table has no rows")
    if reader.problems:
        raise PlanRefused(f"{len(reader.problems)} of its cells cannot be read", reader.problems)
    return fields


class _Reader:
    def __init__(self, product_revision: ProductRevision) -> None:
        self.problems: list[RowProblem] = []
        self.characteristics = {c.code: c for c in Characteristic.objects.select_related("step")}
        self.materials = {m.code: m for m in MaterialDefinition.objects.all()}
        self.specifications = {
            (s.characteristic_id, s.material_id): s
            for s in Specification.objects.filter(product_revision=product_revision)
        }
        self.gates = {
            (gate.code, gate.material_kind): gate for gate in NamedGate.objects.select_related("after_step")
        }
        self.seen: dict[tuple[str, str], int] = {}

    def read(self, number: int, row: Row) -> dict[str, Any]:
        def problem(name: str, message: str) -> None:
            self.problems.append(RowProblem(number, name, message))

        text = {name: row.get(name, "").strip() for name in EDITABLE}
        characteristic = self.characteristics.get(text["characteristic"])
        if characteristic is None:
            problem("characteristic", f"{text['characteristic']!r} is declared by no step")
            return {}
        material = self.materials.get(text["material"])
        if text["material"] and material is None:
            problem("material", f"{text['material']!r} is not defined")
        place = (text["characteristic"], text["material"])
        if place in self.seen:
            problem("characteristic", f"stands in row {self.seen[place]} already, for the same material")
        self.seen.setdefault(place, number)
        fields: dict[str, Any] = {"special": text["special"], "frequency": text["frequency"]}
        if not text["frequency"]:
            problem("frequency", "say how often, such as 'each batch' or 'every 100 m'")
        for name, (low, high) in NUMBERS.items():
            value = text[name] or DEFAULTS[name]
            if not value.isdecimal() or not low <= int(value) <= high:
                problem(name, f"{value!r} is no whole number from {low} to {high}")
            else:
                fields[name] = int(value)
        for name, allowed in (
            ("reaction", Signal.Reaction.values),
            ("owner_role", Membership.Role.values),
            ("limits_from", ControlPlanLine.LimitsFrom.values),
        ):
            fields[name] = text[name] or DEFAULTS[name]
            if fields[name] not in allowed:
                problem(name, f"{fields[name]!r} is none of {', '.join(allowed)}")
        fields["gate"] = text["gate"]
        for words in unfit_gate(text["gate"], characteristic, self.gates):
            problem("gate", words)
        own = self.specifications.get((characteristic.pk, material.pk if material else None))
        specification = own or self.specifications.get((characteristic.pk, None))
        self._chart(text, fields, specification, problem)
        for words in unfit_reaction(fields["reaction"], characteristic, charted=bool(text["chart_family"])):
            problem("reaction", words)
        fields |= {name: text[name] for name in ("sampling", "inspection_level", "aql")}
        for name, words in unfit_sampling(text, characteristic, specified=specification is not None):
            problem(name, words)
        return fields | {
            "step": characteristic.step,
            "characteristic": characteristic,
            "material": material,
            "specification": specification,
            "gauge_kind": characteristic.gauge_kind,
        }

    def _chart(
        self, text: Row, fields: dict[str, Any], specification: Specification | None, problem: Any
    ) -> None:
        fields |= {"chart_family": "", "subgroup_by": "", "rules": "", "parameters": "", "stratify": ""}
        if not text["chart_family"]:
            return
        before = len(self.problems)
        for name, allowed in (
            ("chart_family", ChartPlan.Family.values),
            ("subgroup_by", ChartPlan.SubgroupBy.values),
        ):
            fields[name] = text[name]
            if text[name] not in allowed:
                problem(name, f"{text[name]!r} is none of {', '.join(allowed)}")
        rules, strata = text["rules"].split(), text["stratify"].split()
        if not rules or set(rules) - set(Rule):
            problem("rules", f"name rules of {', '.join(Rule)}, separated by spaces")
        if set(strata) - STRATA:
            problem("stratify", f"only {', '.join(sorted(STRATA))}, separated by spaces")
        fields |= {"rules": " ".join(rules), "stratify": " ".join(strata)}
        if len(self.problems) > before or "subgroup_size" not in fields:
            return
        try:
            fields["parameters"] = checked_parameters(
                fields | {"parameters": text["parameters"]},
                self.characteristics[text["characteristic"]],
                specification,
                self.characteristics,
            )
        except DefinitionError as error:
            problem(error.field, str(error))


def unfit_gate(
    code: str, characteristic: Characteristic, gates: Mapping[tuple[str, str], NamedGate]
) -> list[str]:
    """Why the gate cannot demand the characteristic: it must stand behind its step, for the same material."""
    if not code:
        return []
    step = characteristic.step
    kinds = sorted({gate for gate, kind in gates if kind == step.material_kind})
    gate = gates.get((code, step.material_kind))
    if gate is None:
        return [
            f"{code!r} is no gate of {step.material_kind.replace('_', ' ')}s; there is {', '.join(kinds) or 'none'}"
        ]
    if step.sequence > gate.after_step.sequence:
        return [f"it stands behind {gate.after_step.name}, before {step.name} has been done"]
    if characteristic.subject_kind != SubjectKind.LOT:
        return ["a gate demands values of lots, and this is measured on the air"]
    return []


def unfit_reaction(reaction: str, characteristic: Characteristic, *, charted: bool) -> list[str]:
    """Why the characteristic cannot be reacted to so: only what is typed in freely can be asked for more often."""
    if reaction not in {Signal.Reaction.TIGHTEN, Signal.Reaction.STOP}:
        return []
    words = [] if charted else [f"{reaction} acts on signals: give the line a chart"]
    if reaction == Signal.Reaction.STOP:
        return words
    if characteristic.derived:
        words.append("it is computed: tighten a characteristic that it is computed from")
    elif characteristic.subject_kind != SubjectKind.LOT:
        words.append("no lot is sampled for it: air is measured all the time")
    elif characteristic.position_kind in {PositionKind.CYCLE, PositionKind.ZONE}:
        words.append(
            f"it is measured once in each {characteristic.position_kind}: there is no more to ask for"
        )
    return words


@dataclass(frozen=True)
class Change:
    """How one line differs between two revisions; `fields` are (name, before, after)."""

    kind: str  # added, removed, changed
    characteristic: str
    material: str
    fields: tuple[tuple[str, str, str], ...] = ()


def difference(before: Iterable[ControlPlanLine], after: Iterable[ControlPlanLine]) -> list[Change]:
    """What was added, removed and changed, in the order of the new revision; removed lines stand last."""
    old = {(row["characteristic"], row["material"]): row for row in rows_of(before)}
    changes = []
    for row in rows_of(after):
        earlier = old.pop((row["characteristic"], row["material"]), None)
        if earlier is None:
            changes.append(Change("added", row["characteristic_name"], row["material"]))
            continue
        fields = tuple(
            (name, earlier[name], row[name])
            for name in ("specification", *EDITABLE)
            if earlier[name] != row[name]
        )
        if fields:
            changes.append(Change("changed", row["characteristic_name"], row["material"], fields))
    return changes + [Change("removed", row["characteristic_name"], row["material"]) for row in old.values()]
