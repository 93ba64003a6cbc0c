"""The simulated line in this process, on the demo line of the test's database."""

from __future__ import annotations

import json
from pathlib import Path

from django.utils import timezone

from lots.models import Lot
from mes.demo.load import load_demo
from mes.simulator.live import Line, Site
from mes.simulator.trial import site_in_process


def loaded_site(directory: Path) -> Site:
    loaded = load_demo(state_directory=directory, now=timezone.now())
    keys = json.loads(loaded.keys_file.read_text())["keys"]
    return site_in_process({name: entry["key"] for name, entry in keys.items()})


def codes(line: Line, material: str) -> set[str]:
    return set(
        Lot.objects.filter(code__startswith=line.store.prefix, material__code=material).values_list(
            "code", flat=True
        )
    )
