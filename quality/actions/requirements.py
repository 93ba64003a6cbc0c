"""Revise requirements, re-check what follows from them, approve the baseline, audit readiness."""

from __future__ import annotations

import random
import re
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_name
from lots.clock import site_time
from lots.models import Lot, Site, StepExecution, User
from lots.queries import route_steps, valid_measurements
from quality.actions.sign import sign
from quality.models import (
    Baseline,
    Judgement,
    ReadinessAudit,
    Recheck,
    Requirement,
    RequirementRevision,
    SourceType,
    SpecificationLine,
)
from quality.permissions import Action, require
from quality.plans import lines_for, revision_of
from quality.safety_chain import safety_gaps
from quality.traceability import matrix

LOTS_AUDITED = 3
CANDIDATES = 50
CODE = re.compile(r"^(?=.{4,16}$)[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$")
WORDING = ("statement", "acceptance", "rationale", "source_type", "source")


class RequirementRefused(Exception):
    """It cannot be done so; the message begins with the field and says what would be right."""


@transaction.atomic
def write_requirement(
    code: str,
    kind: str,
    title: str,
    wording: dict[str, str],
    *,
    site: Site,
    user: User,
    now: datetime,
) -> Requirement:
    """Write a requirement with its first wording. Its code never changes and is never used again."""
    act_as(user)
    require(user, site, Action.EDIT_MASTERS)
    code, title = code.strip().upper(), title.strip()
    if not CODE.match(code):
        raise RequirementRefused("code: capitals, digits and hyphens, such as SI-REQ-01; at most 16")
    if kind not in Requirement.Kind.values:
        raise RequirementRefused(f"kind: one of {', '.join(Requirement.Kind.values)}")
    if not title:
        raise RequirementRefused("title: is needed")
    lock_name(f"requirement-code:{code}")
    if Requirement.objects.filter(code=code).exists():
        raise RequirementRefused(
            f"code: {code} exists; codes are never used again, revise it or take another"
        )
    made = Requirement.objects.create(code=code, kind=kind, title=title[:160])
    revise_requirement(made, wording, change_reason="first issue", site=site, user=user, now=now)
    return made


@transaction.atomic
def revise_requirement(
    requirement: Requirement,
    wording: dict[str, str],
    *,
    change_reason: str,
    site: Site,
    user: User,
    now: datetime,
) -> RequirementRevision:
    """Issue the next revision of a requirement's wording. What follows from it is suspect until re-checked."""
    act_as(user)
    require(user, site, Action.EDIT_MASTERS)
    texts = {name: wording.get(name, "").strip() for name in WORDING}
    for name in ("statement", "acceptance", "source"):
        if not texts[name]:
            raise RequirementRefused(f"{name}: is needed")
    if texts["source_type"] not in SourceType.values:
        raise RequirementRefused(f"source_type: one of {', '.join(SourceType.values)}")
    if not change_reason.strip():
        raise RequirementRefused("change_reason: say why it changes")
    lock_name(f"requirement:{requirement.pk}")
    latest = requirement.revisions.order_by("-number").first()
    if latest is not None and all(getattr(latest, name) == text for name, text in texts.items()):
        raise RequirementRefused("statement: nothing would change")
    return RequirementRevision.objects.create(
        requirement=requirement,
        number=latest.number + 1 if latest else 1,
        change_reason=change_reason.strip()[:300],
        issued_at=site_time(site, now),
        issued_by=user,
        **texts,
    )


@transaction.atomic
def recheck(
    revision: RequirementRevision,
    line: SpecificationLine,
    *,
    statement: str,
    site: Site,
    user: User,
    password: str,
    now: datetime,
) -> Recheck:
    """Sign that the specification line still follows from the revised requirement."""
    act_as(user)
    require(user, site, Action.RECHECK)
    if line.requirement_id != revision.requirement_id:
        raise RequirementRefused(f"line: it does not trace to {revision.requirement.code}")
    if not statement.strip():
        raise RequirementRefused("statement: say why the limits still follow from the wording")
    if Recheck.objects.filter(requirement_revision=revision, line=line).exists():
        raise RequirementRefused("line: it was re-checked already")
    if revision.issued_by_id == user.pk:
        raise RequirementRefused("signer: you wrote the revision; another person must re-check what follows")
    content = {
        "requirement": revision.requirement.code,
        "revision": revision.number,
        "line": line.pk,
        "lsl": line.lsl,
        "usl": line.usl,
        "statement": statement.strip(),
    }
    signature = sign(
        user=user,
        password=password,
        meaning="Re-checked: the limits follow from the requirement",
        record_kind="recheck",
        record_id=f"{revision.requirement.code} r{revision.number}",
        content=content,
        now=now,
    )
    return Recheck.objects.create(
        requirement_revision=revision, line=line, statement=statement.strip()[:500], signature=signature
    )


@transaction.atomic
def approve_baseline(site: Site, *, user: User, password: str, now: datetime) -> Baseline:
    """Approve the wording of all requirements as it stands. Refused while a gap query finds anything, or a
    safety chain of a product made at the site is broken."""
    act_as(user)
    require(user, site, Action.APPROVE_BASELINE)
    found = matrix(site, at=site_time(site, now))
    revisions = {row.requirement.code: row.revision for row in found.rows if row.revision is not None}
    own = sorted(code for code, revision in revisions.items() if revision.issued_by_id == user.pk)
    if own:
        raise RequirementRefused(f"signer: you wrote {', '.join(own[:3])}; another person must approve it")
    gaps = [gap.words for gap in found.gaps] + [gap.words for gap in safety_gaps(site)]
    if gaps:
        more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        raise RequirementRefused(f"gaps: {'; '.join(gaps[:3])}{more}")
    content = {code: revision.number for code, revision in revisions.items()}
    lock_name(f"baseline:{site.pk}")
    number = Baseline.objects.filter(site=site).count() + 1
    signature = sign(
        user=user,
        password=password,
        meaning="Baseline approved: no requirement without evidence",
        record_kind="baseline",
        record_id=f"{site.code} {number}",
        content={"number": number, "requirements": content},
        now=now,
    )
    return Baseline.objects.create(site=site, number=number, content=content, signature=signature)


@transaction.atomic
def audit_readiness(site: Site, *, seed: int, user: User, now: datetime) -> ReadinessAudit:
    """Pick LOTS_AUDITED of the CANDIDATES newest lots that have finished a step; list what their plan asked for."""
    act_as(user)
    require(user, site, Action.AUDIT)
    finished = StepExecution.objects.filter(
        lot__site=site, finished_at__isnull=False, lot__work_order__isnull=False
    )
    newest = finished.order_by("-lot_id").values_list("lot_id", flat=True).distinct()[:CANDIDATES]
    lots = Lot.objects.select_related("material", "work_order", "site").in_bulk(list(newest))
    candidates = sorted(lots.values(), key=lambda lot: -lot.pk)
    if not candidates:
        raise RequirementRefused("lots: none has finished a step yet")
    picked = random.Random(seed).sample(candidates, min(LOTS_AUDITED, len(candidates)))
    return ReadinessAudit.objects.create(
        site=site,
        seed=seed,
        candidates=[lot.code for lot in candidates],
        findings={lot.code: _controls(lot) for lot in sorted(picked, key=lambda lot: lot.pk)},
        run_by=user,
        run_at=site_time(site, now),
    )


def _controls(lot: Lot) -> list[dict[str, str]]:
    """Every control that the plan asks of the lot's finished steps: recorded, missing or out of limits."""
    revision = revision_of(lot)
    if revision is None:
        return [{"control": "control plan", "state": "missing", "words": "its order pins none"}]
    done = set(
        StepExecution.objects.filter(lot=lot, finished_at__isnull=False).values_list(
            "route_step_id", flat=True
        )
    )
    counts: dict[int, int] = {}
    for characteristic in valid_measurements([lot.pk]).values_list("characteristic_id", flat=True):
        counts[characteristic] = counts.get(characteristic, 0) + 1
    out = set(
        Judgement.objects.filter(lot_id=lot.pk, verdict=Judgement.Verdict.VIOLATES).values_list(
            "line__specification__characteristic_id", flat=True
        )
    )
    controls = []
    for step in route_steps(lot):
        for line in lines_for(revision, step.step_id, lot.material_id) if step.pk in done else ():
            if not line.required_count or line.characteristic.subject_kind != "lot":
                continue
            count = counts.get(line.characteristic_id, 0)
            state = "missing" if count < line.required_count else "recorded"
            if line.characteristic_id in out:
                state = "out"
            words = f"{count} of {line.required_count} values"
            controls.append(
                {"control": f"{step.step.name}: {line.characteristic.name}", "state": state, "words": words}
            )
    return controls
