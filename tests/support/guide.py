"""A failure investigation walked step by step, as its engineer would."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from quality.actions.case import add_entry
from quality.actions.investigate import (
    choose_branch,
    diagnose,
    observe,
    plan_retest,
    report_retest,
    sign_integrity,
    state_signature,
)
from quality.actions.open_case import open_case
from quality.cases import case_view
from quality.investigation import CHECKS, EVIDENCE, Investigation
from quality.models import CaseEntry, Nonconformance
from tests.support.builders import PASSWORD
from tests.support.frozen_chart import VISCOSITY, ChartedPlant, frozen_plant

SOUND = dict.fromkeys(CHECKS, (True, "repeats within 1 %"))


class Guide:
    """Takes the steps of the case as its engineer."""

    def __init__(self, charted: ChartedPlant, case: Nonconformance) -> None:
        self.charted, self.case = charted, case
        self.who: dict[str, Any] = {"user": charted.plant.engineer, "now": timezone.now()}
        self.codes = [lot.code for lot in charted.batches]

    @property
    def found(self) -> Investigation:
        return case_view(self.case).investigation

    @property
    def next(self) -> str:
        return self.found.next.stage if self.found.next is not None else "done"

    def sign(self, **changes: Any) -> CaseEntry:
        fields = {"statement": "6.5 Pa.s where 5.0 is usual, since this batch", "good": self.codes[-4:-1]}
        fields |= {"bad": self.codes[-1], "characteristic": VISCOSITY}
        return state_signature(self.case, **(fields | changes), **self.who)

    def check(self, checks: dict[str, tuple[bool, str]] = SOUND, **changes: Any) -> CaseEntry:
        return sign_integrity(self.case, checks, **({"password": PASSWORD} | self.who | changes))

    def observe(self, *parts: str) -> None:
        for part in parts or EVIDENCE:
            observe(self.case, part=part, found="as before", reference="curve 1", **self.who)

    def branch(self, name: str = "A") -> CaseEntry:
        fields = {"because": "resistance is up by half", "against": "no weld was odd"}
        return choose_branch(self.case, branch=name, **fields, **self.who)

    def retest(self, *changes: tuple[str, str, str], **more: Any) -> CaseEntry:
        fields: dict[str, Any] = {"lot": self.codes[-1], "kept": "cell, channel, 25 °C"}
        fields |= {"expected": "resistance falls", "falsifier": "resistance stays"}
        return plan_retest(
            self.case,
            changes=changes or [("clamp", "old", "new")],
            **(fields | self.who | more),
        )

    def report(self, outcome: str) -> CaseEntry:
        return report_retest(self.case, outcome=outcome, found="2.1 mOhm", **self.who)

    def act(self) -> CaseEntry:
        line = self.charted.plant.plan.lines.earliest("pk")
        fields = {"statement": "new clamps", "due": "2027-01-01", "lever": "control-plan line"}
        return add_entry(self.case, "action", fields | {"lever_key": str(line.pk)}, **self.who)

    def to_the_branch(self) -> None:
        self.sign()
        self.check()
        self.observe()
        self.branch()

    def to_a_diagnosis(self) -> None:
        self.to_the_branch()
        self.retest()
        self.report("confirms")
        diagnose(self.case, statement="worn clamps", **self.who)

    @property
    def untraced(self) -> str:
        """What the case misses before it is traced."""
        return next(step.missing for step in case_view(self.case).steps if step.name == "Trace")


def guide_of_a_signal() -> Guide:
    """A case opened from the hold that a signal placed."""
    charted = frozen_plant()
    hold = charted.signal()
    case = open_case(charted.plant.site, hold=hold, user=charted.plant.engineer, now=timezone.now())
    return Guide(charted, case)
