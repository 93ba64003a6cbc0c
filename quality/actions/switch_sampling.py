"""Move the severity of acceptance sampling: by each lot decided, and by signature out of its discontinuation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_name
from lots.clock import site_time
from lots.models import User
from quality.acceptance import Verdict
from quality.actions.sign import sign
from quality.lot_sampling import LOTS_REJECTED, Sampling, state_of
from quality.models import AcceptanceDecision, ControlPlanLine, SamplingEvent
from quality.permissions import Action, require
from quality.sample_verdict import Sampled
from spc.engine.sampling_standards import Severity, Switching


class ResumptionRefused(Exception):
    """It cannot be resumed so; the message names the field and the fix."""


def record_outcomes(
    decision: AcceptanceDecision, sampled: Iterable[Sampled], *, at: datetime
) -> list[SamplingEvent]:
    """Let the switching rules count the lot once for each scheme that could be decided, in the decision's transaction.

    A plan that was frozen under another severity than the one now in force is kept on record and does not count.
    """
    decided = {each.scheme.line: each for each in sampled if each.verdict is not Verdict.UNDECIDED}
    lines = ControlPlanLine.objects.filter(pk__in=decided).select_related("revision__plan__site")
    return [_record(decision, line, decided[line.pk], at) for line in lines.order_by("pk")]


def _record(
    decision: AcceptanceDecision, line: ControlPlanLine, each: Sampled, at: datetime
) -> SamplingEvent:
    _lock(line)
    before, accepted = state_of(line), each.verdict is Verdict.ACCEPT
    counted = before.severity.value == each.scheme.severity
    if not counted:
        after = before
        words = f"its plan was frozen under {each.scheme.severity} inspection: the switching rules do not count it"
    elif each.in_gap:
        after, words = Switching(), "accepted, between the numbers of reduced inspection: back to normal"
    else:
        tighter = each.scheme.tighter_ac
        after = before.after(
            accepted,
            reduced_authorised=line.sampling == Sampling.REDUCIBLE,
            one_step_tighter=None if tighter is None else each.failed <= tighter,
        )
        words = _words(before, after, accepted=accepted)
    return _event(line, after, words, at, decision=decision, accepted=accepted, counted=counted)


@transaction.atomic
def resume_sampling(
    line: ControlPlanLine, *, reason: str, user: User, password: str, now: datetime
) -> SamplingEvent:
    """Let lots be sampled again, tightened, after the cause has been removed (ISO 2859-1, 9.4). Signed."""
    act_as(user)
    site = line.revision.plan.site
    require(user, site, Action.RESUME_SAMPLING)
    _lock(line)
    if state_of(line).severity is not Severity.DISCONTINUED:
        raise ResumptionRefused("sampling: it is not discontinued")
    if not reason.strip():
        raise ResumptionRefused("reason: say what was improved, so that lots may be offered again")
    signature = sign(
        user=user,
        password=password,
        meaning="Acceptance sampling resumed, tightened",
        record_kind="sampling",
        record_id=str(line.pk),
        content={"line": line.pk, "reason": reason.strip()},
        now=now,
    )
    after = Switching(Severity.TIGHTENED)
    words = f"resumed by {user.printed_name}: {reason.strip()}"[:300]
    return _event(line, after, words, site_time(site, now), signature=signature, counted=True)


def _lock(line: ControlPlanLine) -> None:
    lock_name(f"sampling:{line.revision.plan_id}:{line.characteristic_id}:{line.material_id}")


def _event(
    line: ControlPlanLine, after: Switching, words: str, at: datetime, **fields: object
) -> SamplingEvent:
    return SamplingEvent.objects.create(
        site_id=line.revision.plan.site_id,
        plan_id=line.revision.plan_id,
        characteristic_id=line.characteristic_id,
        material_id=line.material_id,
        state=asdict(after) | {"recent": list(after.recent)},
        severity=after.severity.value,
        words=words,
        at=at,
        **fields,
    )


def _words(before: Switching, after: Switching, *, accepted: bool) -> str:
    """What the lot did to the severity, and why."""
    if before.severity is after.severity:
        return f"{'accepted' if accepted else 'not accepted'}; {after.severity} inspection goes on"
    why = {
        Severity.TIGHTENED: "2 of 5 lots in a row were not accepted",
        Severity.DISCONTINUED: LOTS_REJECTED,
        Severity.REDUCED: "the switching score reached 30",
        Severity.NORMAL: "5 lots in a row were accepted"
        if before.severity is Severity.TIGHTENED
        else "a lot was not accepted under reduced inspection",
    }[after.severity]
    if after.severity is Severity.DISCONTINUED:
        return f"sampling is discontinued: {why}"
    return f"from {before.severity} to {after.severity} inspection: {why}"
