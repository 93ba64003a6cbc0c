"""What reactions to signals ask of the people at the line: to stand still, and to take more samples."""

from __future__ import annotations

from mes.simulator.doors import Door
from mes.simulator.events import RollCoated, RollDried


def stopped(door: Door, key: str, event: RollCoated) -> str | None:
    """Why no roll of this material may start on the machine; None where nothing stops it."""
    for stop in door.get("/stops", key=key, in_force="true").body["items"]:
        on = (stop["step"], stop["equipment"] or event.equipment, stop["material"] or event.material)
        if on == (event.step, event.equipment, event.material):
            return str(stop["reason"])
    return None


def more_asked(door: Door, key: str, event: RollDried) -> int:
    """How many samples beyond the planned ones tightened sampling asks of the roll.

    Its own gates say so: a tightening that has ended still asks them of the rolls that began under it.
    """
    code = event.spare[0].code
    gates = door.get(f"/lots/{event.lot_code}/gates", key=key).body["gates"]
    needed = (
        check["needed"] for gate in gates for check in gate["checks"] if check["characteristic"] == code
    )
    return max(0, max(needed, default=0) - len(event.readings))
