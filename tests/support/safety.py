"""A safety chain from hazard to criterion, record by record."""

from __future__ import annotations

from django.utils import timezone

from quality.actions.safety import write_record
from quality.models import Requirement, SafetyCriterion, SafetyRecord
from tests.support.builders import Plant

CHAIN: dict[str, dict[str, str]] = {
    "hazard": {"code": "HZ-1", "title": "cell leaves its safe voltages", "requirement": "SI-T-SAFE"},
    "mode": {"code": "FM-1", "title": "trips too late", "hazard": "HZ-1"},
    "method": {
        "code": "SM-1",
        "title": "trip test",
        "protocol": "PT-1 r1",
        "stop_temperature_c": "80",
        "stop_force_n": "500",
        "stop_time_s": "3600",
        "stop_leakage": "any liquid",
    },
    "observable": {
        "code": "OB-1",
        "title": "cell voltage",
        "method": "SM-1",
        "unit": "mV",
        "instrument": "logger",
        "resolution": "1",
        "sampling_hz": "10",
        "modes": "FM-1",
    },
    "criterion": {
        "code": "CR-1",
        "title": "trips",
        "observable": "OB-1",
        "operator": "<=",
        "limit": "3.8",
        "unit": "V",
        "tolerance": "0.005",
        "shortest_s": "10",
    },
}


def write(plant: Plant, kind: str, **changes: str) -> SafetyRecord:
    """The record of the chain of this kind, with changes."""
    fields = {"source_type": "assumption", "source": "test"} | CHAIN[kind] | changes
    return write_record(
        plant.product.product, kind, fields, site=plant.site, user=plant.engineer, now=timezone.now()
    )


def write_chain(plant: Plant) -> SafetyCriterion:
    """The whole chain without evidence; its criterion."""
    Requirement.objects.get_or_create(code="SI-T-SAFE", defaults={"kind": "safety", "title": "safe voltages"})
    for kind in CHAIN:
        record = write(plant, kind)
    assert isinstance(record, SafetyCriterion)
    return record
