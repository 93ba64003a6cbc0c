"""Open a nonconformance from what gave rise to it: a signal, a value out of specification, a hold, or a lot."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from lots.actions.acting import act_as
from lots.actions.lock import lock_name
from lots.clock import site_time
from lots.models import Hold, Lot, Site, User
from quality.models import Defect, Nonconformance, ReactionFiring
from quality.permissions import Action, require
from spc.engine.special_rules import rule_named
from spc.models import Signal


class CaseRefused(Exception):
    """The case cannot be taken further so; the message begins with the field and says what would be right."""


@transaction.atomic
def open_case(
    site: Site,
    *,
    user: User,
    now: datetime,
    title: str = "",
    signal: Signal | None = None,
    defect: Defect | None = None,
    hold: Hold | None = None,
    lot: Lot | None = None,
) -> Nonconformance:
    """Open a case about one of the sources; what belongs to it is found: the hold of a signal, the defect of a hold.

    Where an open case speaks of the same signal, defect or hold already, that one is answered. Without a title the
    case is called after its source; a case about a lot that nothing points at needs one.

    Raises CaseRefused for a source of another site, or for a case about nothing.
    """
    act_as(user)
    require(user, site, Action.WORK_CASE)
    lock_name(f"nonconformance:{site.pk}")
    signal, defect, hold = _behind(signal, defect, hold)
    _check_site(site, signal, defect, hold, lot)
    earlier = open_case_about(site, signal=signal, defect=defect, hold=hold)
    if earlier is not None:
        return earlier
    title = title.strip() or _title(signal, defect, hold)
    if not title:
        raise CaseRefused("title: say in one line what is wrong")
    return Nonconformance.objects.create(
        site=site,
        code=next_case_code(site),
        title=title[:200],
        lot=lot or _lot_of(signal, defect, hold),
        signal=signal,
        defect=defect,
        hold=hold,
        opened_by=user,
        opened_at=site_time(site, now),
    )


def next_case_code(site: Site) -> str:
    """NC-1, NC-2, … per site; cases opened at once wait for each other."""
    lock_name(f"nonconformance:{site.pk}")
    return f"NC-{Nonconformance.objects.filter(site=site).count() + 1}"


def open_case_about(
    site: Site, *, signal: Signal | None = None, defect: Defect | None = None, hold: Hold | None = None
) -> Nonconformance | None:
    """The oldest open case about one of these; None where there is none."""
    about = Q()
    for name, source in (("signal", signal), ("defect", defect), ("hold", hold)):
        if source is not None:
            about |= Q(**{name: source})
    if not about:
        return None
    rows = Nonconformance.objects.filter(about, site=site, state=Nonconformance.State.OPEN)
    return rows.order_by("id").first()


def _behind(
    signal: Signal | None, defect: Defect | None, hold: Hold | None
) -> tuple[Signal | None, Defect | None, Hold | None]:
    """The three as they belong together: a hold was placed by a defect or a signal, and those name their hold."""
    if hold is not None and signal is None and hold.source == Hold.Source.SIGNAL and hold.source_id:
        signal = Signal.objects.filter(pk=hold.source_id).first()
    if hold is not None and defect is None and hold.source == Hold.Source.DEFECT:
        defect = hold.defects.order_by("id").first()
    if signal is not None and signal.carried_from is not None:
        signal = signal.carried_from
    if signal is not None and hold is None:
        firing = ReactionFiring.objects.filter(signal=signal).select_related("hold").first()
        hold = firing.hold if firing is not None else None
    if defect is not None and hold is None:
        hold = defect.hold
    return signal, defect, hold


def _check_site(
    site: Site, signal: Signal | None, defect: Defect | None, hold: Hold | None, lot: Lot | None
) -> None:
    sites = {
        "signal": signal.chart.stream.plan.site_id if signal is not None else site.pk,
        "defect": defect.site_id if defect is not None else site.pk,
        "hold": hold.site_id if hold is not None else site.pk,
        "lot": lot.site_id if lot is not None else site.pk,
    }
    for name, of in sites.items():
        if of != site.pk:
            raise CaseRefused(f"{name}: it is not of {site.code}")


def _title(signal: Signal | None, defect: Defect | None, hold: Hold | None) -> str:
    if hold is not None:
        return hold.reason
    if defect is not None:
        return f"{defect.characteristic.name} violates {defect.requirement.code}"
    if signal is not None:
        words = rule_named(signal.rule).label
        return f"{signal.chart.stream.plan.characteristic.name}: {words} at point {signal.point.sequence + 1}"
    return ""


def _lot_of(signal: Signal | None, defect: Defect | None, hold: Hold | None) -> Lot | None:
    """The lot that shows it: of the value, else the first one held directly, else the first one plotted."""
    found: Lot | None = defect.lot if defect is not None else None
    if found is None and hold is not None:
        member = hold.members.filter(inherited_from__isnull=True).select_related("lot").order_by("id").first()
        found = member.lot if member is not None else None
    if found is None and signal is not None:
        members = signal.point.subgroup.members.filter(lot_id__isnull=False)
        found = Lot.objects.filter(pk__in=members.values("lot_id")).order_by("pk").first()
    return found
