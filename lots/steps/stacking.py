"""Stacking: sheets of both electrodes and separator become a cell."""

from __future__ import annotations

from lots.steps.base import CharacteristicDeclaration, DataType, StepDeclaration

STEP = StepDeclaration(
    code="stacking",
    name="Stacking",
    material_kind="cell",
    characteristics=(
        CharacteristicDeclaration(
            code="stacking.alignment_um",
            name="Sheet misalignment",
            unit="um",
            decimals=0,
            gauge_kind="vision",
            help="Largest offset between an anode and a cathode sheet of the stack, from the camera.",
        ),
        CharacteristicDeclaration(
            code="stacking.tab_resistance_mohm",
            name="Tab weld resistance",
            unit="mOhm",
            decimals=3,
            gauge_kind="micro_ohmmeter",
            help="Four-wire resistance across the tab weld; a rise warns of a cold weld.",
        ),
        CharacteristicDeclaration(
            code="stacking.rejected_sheets",
            name="Rejected sheets",
            unit="1",
            data_type=DataType.PROPORTION,
            decimals=0,
            gauge_kind="vision",
            help="Sheets thrown out by the camera, with the number of sheets inspected for the cell lot.",
        ),
    ),
)
