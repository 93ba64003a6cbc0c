"""How long lots are good, and what keeps a delivered material from being used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from lots.clock import local_words, site_time
from lots.masters import remembered
from lots.models import GenealogyLink, Lot, Opening, Receipt, Site
from lots.queries import route_steps
from quality.blockers import Blocker, Code, lot_blocker
from quality.models import CertificateItem, ExtensionApproval, IncomingRule

WARN = timedelta(hours=168)  # where the material has no rule
SHOWN = 50


@dataclass(frozen=True)
class Life:
    """Until when a lot is good (None: it does not expire), whether that is soon, and when it was opened."""

    ends_at: datetime | None
    is_over: bool
    is_soon: bool
    opened_at: datetime | None
    after_opening: bool

    def words(self, site: Site) -> str:
        what = "life after opening" if self.after_opening else "shelf life"
        return (
            f"{what} has no end"
            if self.ends_at is None
            else f"{what} ended at {local_words(site, self.ends_at)}"
        )


@remembered(IncomingRule)
def rule_of(material_id: int) -> IncomingRule | None:
    """The rule in force for a material."""
    return IncomingRule.objects.filter(material=material_id).order_by("-pk").first()


@remembered(CertificateItem, IncomingRule)
def items_of(rule_id: int) -> tuple[CertificateItem, ...]:
    """What the certificate must state by the rule."""
    return tuple(CertificateItem.objects.filter(rule=rule_id).order_by("pk"))


def lives_of(lots: Iterable[Lot], *, now: datetime) -> dict[int, Life]:
    """Lot → its life on the site's clock."""
    lots = list(lots)
    opened = {row.lot_id: row for row in Opening.objects.filter(lot__in=[lot.pk for lot in lots])}
    extended = _extended([lot.pk for lot in lots if lot.expires_at is not None or lot.pk in opened])
    return {
        lot.pk: _life(lot, opened.get(lot.pk), extended.get(lot.pk), site_time(lot.site, now)) for lot in lots
    }


def shelf_life_blockers(lots: Sequence[Lot], *, now: datetime) -> dict[int, list[Blocker]]:
    """By lot: its life is over, or it is of a material that is inspected at the door and was not."""
    lives = lives_of(lots, now=now)
    inspected = [lot for lot in lots if _must_be_received(lot)]
    missing = {lot.pk for lot in inspected} - _accounted_for(inspected)
    found: dict[int, list[Blocker]] = {}
    for lot in lots:
        blockers = (
            [lot_blocker(Code.EXPIRED, lives[lot.pk].words(lot.site), lot)] if lives[lot.pk].is_over else []
        )
        if lot.pk in missing:
            words = f"lot {lot.code} has not passed incoming inspection; receive the delivery"
            blockers.append(lot_blocker(Code.NOT_RECEIVED, words, lot))
        found[lot.pk] = blockers
    return found


def expiring_soon(site: Site, *, now: datetime) -> list[tuple[Lot, Life]]:
    """Lots in stock whose life ends soon or has ended, the most urgent first."""
    rules = IncomingRule.objects.filter(material__lots__site=site).distinct()
    longest = max(
        [WARN, *(timedelta(hours=hours) for hours in rules.values_list("warn_before_h", flat=True))]
    )
    until = site_time(site, now) + longest
    lots = (
        Lot.objects.filter(
            Q(expires_at__lte=until) | Q(openings__use_by__lte=until), site=site, state=Lot.State.ACTIVE
        )
        .select_related("material", "site")
        .order_by("expires_at", "pk")[:SHOWN]
    )
    lives = lives_of(lots, now=now)
    near = [(lot, lives[lot.pk]) for lot in lots if lives[lot.pk].is_soon or lives[lot.pk].is_over]
    return sorted(near, key=lambda pair: (str(pair[1].ends_at), pair[0].pk))


def _must_be_received(lot: Lot) -> bool:
    """Whether the lot came in when its material was inspected at the door already; what steps make here is not."""
    rule = rule_of(lot.material_id)
    return rule is not None and rule.set_at <= lot.created_at and not route_steps(lot)


def _accounted_for(lots: list[Lot]) -> set[int]:
    """Those that were received, or made here out of other lots."""
    if not lots:
        return set()
    made = GenealogyLink.objects.filter(child__in=lots, voided_at__isnull=True)
    made = made.exclude(kind=GenealogyLink.Kind.MEMBER)
    received = Receipt.objects.filter(lot__in=lots).values_list("lot_id", flat=True)
    return set(received.union(made.values_list("child_id", flat=True)))


def _extended(keys: list[int]) -> dict[int, ExtensionApproval]:
    if not keys:
        return {}
    approvals = ExtensionApproval.objects.filter(extension__lot__in=keys).select_related("extension")
    return {row.extension.lot_id: row for row in approvals.order_by("pk")}


def _life(lot: Lot, opening: Opening | None, approval: ExtensionApproval | None, here: datetime) -> Life:
    """The latest approved extension takes the place of all that ended before it; a later opening counts again."""
    use_by = opening.use_by if opening is not None else None
    ends_at = lot.expires_at
    if approval is not None:
        ends_at = approval.extension.ends_at
        if opening is not None and opening.opened_at <= approval.approved_at:
            use_by = None
    ends = min((at for at in (ends_at, use_by) if at is not None), default=None)
    rule = rule_of(lot.material_id)
    warn = WARN if rule is None else timedelta(hours=rule.warn_before_h)
    return Life(
        ends_at=ends,
        is_over=ends is not None and ends <= here,
        is_soon=ends is not None and here < ends <= here + warn,
        opened_at=opening.opened_at if opening is not None else None,
        after_opening=ends is not None and ends == use_by,
    )
