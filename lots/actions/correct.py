"""A correction: the old value stays as evidence, a new one takes its place, or nothing does (withdrawn)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lots.envelope import Envelope, InvalidSubmission, Problem, ReadingIn
from lots.models import Lot, Measurement, Source, Supersession, User

LONGEST_REASON = 300


class CorrectionRefused(Exception):
    """The value cannot be corrected so; the message begins with the field and says what would be right."""


@dataclass(frozen=True)
class Correction:
    """What is corrected and by what. `value` is decimal text in the characteristic's unit; None withdraws `old`.

    What is not given stays as it was; `measured_at` moves the reading in time.
    """

    old: Measurement
    reason: str
    value: str | None
    measured_at: datetime | None = None
    gauge: str | None = None
    sample_size: int | None = None
    qualifier: str | None = None

    def envelope(self, *, key: str, source: Source, user: User) -> Envelope:
        """The correction as a submission. Raises CorrectionRefused for what can never be corrected."""
        old = self.old
        if old.formula_version is not None:
            raise CorrectionRefused("measurement: it is computed; correct a value that it is computed from")
        if not self.reason.strip():
            raise CorrectionRefused("reason: say why the value is wrong")
        if len(self.reason.strip()) > LONGEST_REASON:
            raise CorrectionRefused(f"reason: at most {LONGEST_REASON} characters")
        return Envelope(
            site=old.site,
            source=source,
            key=key,
            user=user,
            readings=() if self.value is None else (self._reading(self.value),),
            purpose=f"correct {old.received_at.isoformat()} {old.id}: {self.reason.strip()}",
        )

    def _reading(self, value: str) -> ReadingIn:
        old = self.old
        gauge = self.gauge if self.gauge is not None else (old.gauge.code if old.gauge else "")
        on_machine = old.lot_id is None and old.zone_id is None and not old.gauge_is_subject
        return ReadingIn(
            characteristic=old.characteristic.code,
            value=value,
            unit=old.characteristic.unit,
            measured_at=self.measured_at or old.measured_at,
            lot=old_lot_code(old),
            zone=old.zone.code if old.zone else "",
            equipment=old.equipment.code if on_machine and old.equipment else "",
            gauge=gauge,
            position="" if old.position is None else f"{old.position.normalize():f}",
            roll_position_mm=old.roll_position_mm,
            sample_size=old.sample_size if self.sample_size is None else self.sample_size,
            qualifier=old.qualifier if self.qualifier is None else self.qualifier,
        )

    def place(self, rows: Sequence[Measurement]) -> None:
        """Put the new reading where the old one was: the same run of the step, on the same machine."""
        for row in rows:
            row.execution, row.equipment_id = self.old.execution, self.old.equipment_id

    def lock(self) -> None:
        """Refuse where somebody corrected the value meanwhile; the key of `Supersession` decides a race."""
        earlier = Supersession.objects.filter(old_id=self.old.id).select_related("superseded_by").first()
        if earlier is not None:
            who = earlier.superseded_by.printed_name if earlier.superseded_by else "Halite"
            raise CorrectionRefused(f"measurement: {who} has superseded it already: {earlier.reason}")

    def check(self) -> None:
        """Raises InvalidSubmission where the correction changes nothing."""
        old = self.old
        unchanged = (
            self.value == old.entered_text
            and self.measured_at in {None, old.measured_at}
            and self.gauge in {None, old.gauge.code if old.gauge else ""}
            and self.sample_size in {None, old.sample_size}
            and self.qualifier in {None, old.qualifier}
        )
        if unchanged:
            raise InvalidSubmission([Problem(None, "value", "is what was recorded; nothing would change")])


def old_lot_code(row: Measurement) -> str:
    """Code of the lot that was measured; empty for other subjects."""
    return "" if row.lot_id is None else Lot.objects.values_list("code", flat=True).get(pk=row.lot_id)


def measurement_at(submission: str, sequence: int, site_id: int) -> Measurement | None:
    """The measurement of a submission (its public key) by its order in it; None where the site has none."""
    return (
        Measurement.objects.filter(submission__uuid=submission, sequence=sequence, site=site_id)
        .select_related(
            "site",
            "characteristic__step",
            "gauge",
            "zone",
            "equipment",
            "execution",
            "operator",
            "submission",
        )
        .first()
    )
