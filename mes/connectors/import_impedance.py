"""An impedance file becomes the resistances of a cell, with the conditions without which it compares to nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from lots.actions.keep_curve import Curve, keep_curve, lock_file, pinned_protocol
from lots.actions.lock import lock_name
from lots.clock import site_time
from lots.envelope import Envelope, ReadingIn
from lots.models import CurveFile, IdempotencyKey, Lot, Source, StepExecution, Submission, User
from lots.science.impedance.fit import RandlesFit, fit_randles
from lots.science.impedance.spectrum import (
    Conditions,
    Intercept,
    Spectrum,
    high_frequency_intercept,
    require_comparable,
)
from lots.science.impedance.validity import kramers_kronig
from mes import pipeline
from mes.connectors.files import UnreadableFile
from mes.connectors.impedance.read import ImpedanceFile, read_impedance_file
from mes.connectors.import_cycler import (
    ImportRefused,
    file_source,
    refuse_mistaken,
    running_formation,
)
from mes.curves import store_spectra
from quality.permissions import Action, require

R_HF = "formation.r_hf_mohm"
R_MID = "formation.r_mid_mohm"
CIRCUIT = "Randles with constant-phase element and Warburg diffusion"


@dataclass(frozen=True)
class ImportedSpectrum:
    """What came of a file; the last sweep counts. `answer` is None where no value could be recorded."""

    file: ImpedanceFile
    intercept: Intercept
    fit: RandlesFit | None
    answer: dict[str, Any] | None
    recognised: bool
    remarks: tuple[str, ...]


def import_impedance_file(
    path: Path, *, cell: Lot, user: User, now: datetime, soc_pct: Decimal, temperature_c: Decimal
) -> ImportedSpectrum:
    """Read an impedance file, record what its last sweep shows and keep its sweeps.

    A resistance is recorded only where it is known: the intercept where the spectrum crosses the real axis, the
    mid-frequency resistance of a fit that was accepted; and only where it compares with what is on record: readings
    are charted and judged against other cells, so that a spectrum at another charge or temperature gives none.
    Raises UnreadableFile, ImportRefused, NotPermitted or InvalidSubmission; nothing is recorded then.
    """
    site = cell.site
    require(user, site, Action.IMPORT_FILE)
    try:
        file = read_impedance_file(path)
    except UnreadableFile as error:
        raise UnreadableFile(str(error).replace(path.name, "The file")) from error
    sweep = file.sweeps[-1]
    intercept, fit, remarks = _features(sweep)
    seen = ImportedSpectrum(file, intercept, fit, None, recognised=False, remarks=remarks)
    source = file_source(site, user)
    with transaction.atomic():
        lock_file(site.pk, file.sha256)
        return _recorded(seen, cell, source, user, now, soc_pct, temperature_c)


def _recorded(
    seen: ImportedSpectrum,
    cell: Lot,
    source: Source,
    user: User,
    now: datetime,
    soc_pct: Decimal,
    temperature_c: Decimal,
) -> ImportedSpectrum:
    """Record what a file shows that nobody else brings meanwhile."""
    file, site = seen.file, cell.site
    key = f"{file.sha256}:{cell.code}"
    earlier = IdempotencyKey.objects.filter(source=source, key=key).first()
    if earlier is not None:
        return replace(seen, answer=earlier.answer, recognised=True)
    refuse_mistaken(file.sha256, frozenset(), cell)
    execution = running_formation(cell)
    if CurveFile.objects.filter(lot=cell, file_sha256=file.sha256).exists():
        return replace(seen, recognised=True)
    here = site_time(site, now)
    apart = _apart(cell, execution, soc_pct, temperature_c)
    readings = () if apart else _readings(cell, here, seen.intercept, seen.fit)
    answer = None
    submission = None
    if readings:
        envelope = Envelope(
            site=site, source=source, key=key, user=user, readings=readings, file_sha256=file.sha256
        )
        answer = pipeline.record(envelope, now=now).body
        submission = Submission.objects.filter(source=source, file_sha256=file.sha256).order_by("-pk").first()
    curve = Curve(
        kind=CurveFile.Kind.IMPEDANCE,
        format=file.format,
        file_sha256=file.sha256,
        file_bytes=file.size_bytes,
        storage_sha256=store_spectra(file.sweeps),
        rows=sum(one.frequency_hz.size for one in file.sweeps),
        started_at=here,
        ended_at=here,
        soc_pct=soc_pct,
        temperature_c=temperature_c,
    )
    keep_curve(curve, execution=execution, submission=submission, user=user, now=now)
    remarks = (*seen.remarks, apart) if apart else seen.remarks
    return replace(seen, answer=answer, remarks=remarks)


def _apart(cell: Lot, execution: StepExecution, soc_pct: Decimal, temperature_c: Decimal) -> str:
    """Why the spectrum does not compare with those that gave readings under the same recipe; empty where it does."""
    protocol = pinned_protocol(execution.lot)
    # The first spectrum sets the conditions: of two at once, one must see the other.
    lock_name(f"spectra:{cell.site_id}:{cell.material_id}:{protocol}")
    told = CurveFile.objects.filter(
        kind=CurveFile.Kind.IMPEDANCE,
        lot__site=cell.site_id,
        lot__material=cell.material_id,
        protocol=protocol,
        submission__isnull=False,
    )
    first = told.order_by("id").first()
    if first is None or first.soc_pct is None or first.temperature_c is None:
        return ""
    both = [
        Conditions(soc_pct=float(soc), temperature_c=float(temperature), circuit=CIRCUIT)
        for soc, temperature in ((first.soc_pct, first.temperature_c), (soc_pct, temperature_c))
    ]
    try:
        require_comparable(both)
    except ValueError as error:
        under = f" under {protocol}" if protocol else ""
        return (
            f"It compares with nothing: spectra of {cell.material.code}{under} are taken at"
            f" {both[0].soc_pct:g} % charge and {both[0].temperature_c:g} °C; {error}."
        )
    return ""


def conditions(soc_text: str, temperature_text: str) -> tuple[Decimal, Decimal]:
    """State of charge (%) and temperature (°C) as typed.

    Raises:
        ImportRefused: one is missing or impossible; the message says which.
    """
    values = []
    for name, text, low, high in (
        ("state of charge", soc_text, 0, 100),
        ("temperature", temperature_text, -60, 100),
    ):
        try:
            value = Decimal(text.strip().replace(",", "."))
        except ArithmeticError:
            value = Decimal("NaN")
        if not value.is_finite() or not low <= value <= high:
            raise ImportRefused(
                f"This is an impedance spectrum: give the {name} at which it was taken ({low} to {high}); without it"
                " a spectrum compares to nothing."
            )
        values.append(round(value, 2))
    return values[0], values[1]


def _features(sweep: Spectrum) -> tuple[Intercept, RandlesFit | None, tuple[str, ...]]:
    remarks = []
    validity = kramers_kronig(sweep)
    if not validity.valid:
        remarks.append(
            f"The spectrum does not pass the Kramers–Kronig check (relative residual {validity.residual_rms:.3f}, worst"
            f" at {validity.worst_hz:.3g} Hz): it drifted or was disturbed. Measure again."
        )
    intercept = high_frequency_intercept(sweep)
    if not intercept.reached:
        remarks.append("The high-frequency intercept was not reached: start the sweep at a higher frequency.")
    try:
        fit = fit_randles(sweep)
    except ValueError as error:
        return intercept, None, (*remarks, f"No fit: {error}.")
    if not fit.accepted:
        remarks.append(f"The fit is not accepted: {fit.reason}.")
    return intercept, fit if validity.valid else None, tuple(remarks)


def _readings(cell: Lot, at: datetime, intercept: Intercept, fit: RandlesFit | None) -> tuple[ReadingIn, ...]:
    values = [(R_HF, intercept.resistance_ohm)] if intercept.reached and fit is not None else []
    if fit is not None and fit.accepted and fit.parameters["rct_ohm"].determined:
        values.append((R_MID, fit.parameters["rct_ohm"].value))
    return tuple(
        ReadingIn(characteristic=code, value=f"{1000 * ohm:.6f}", unit="mOhm", measured_at=at, lot=cell.code)
        for code, ohm in values
    )
