"""The ten process steps in route order, with every characteristic and derivation that they declare."""

from __future__ import annotations

from types import MappingProxyType

from lots.steps import (
    acceptance,
    calendering,
    coating,
    dry_room,
    drying,
    filling,
    formation,
    mixing,
    slitting,
    stacking,
)
from lots.steps.base import DerivationDeclaration, StepDeclaration

STEPS: tuple[StepDeclaration, ...] = (
    mixing.STEP,
    coating.STEP,
    drying.STEP,
    calendering.STEP,
    slitting.STEP,
    dry_room.STEP,
    stacking.STEP,
    filling.STEP,
    formation.STEP,
    acceptance.STEP,
)

CHARACTERISTICS = MappingProxyType(
    {characteristic.code: characteristic for step in STEPS for characteristic in step.characteristics}
)

# In an order in which no derivation needs the output of a later one.
DERIVATIONS: tuple[DerivationDeclaration, ...] = tuple(
    derivation for step in STEPS for derivation in step.derivations
)
