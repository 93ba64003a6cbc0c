"""A process that scores trials: specifications as JSON lines on standard input, outcomes on standard output.

Its HALITE_DIR holds a PostgreSQL that runs already. Every trial has a database of its own, cloned from a template:
the demo line after one phase 1. Limits from few points are wide or narrow by chance, so there may be several.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

KEYS = "demo-keys.json"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mes.settings")
    import django

    django.setup()
    results = sys.stdout
    sys.stdout = sys.stderr  # whatever else prints must not disturb the results
    for number, text in enumerate(sys.stdin):
        order = json.loads(text)
        if order["do"] == "prepare":
            answer = prepare(order["campaign"], order["pairs"])
        else:
            answer = score(order, f"halite_trial_{os.getpid()}_{number}")
        results.write(json.dumps(answer) + "\n")
        results.flush()


def prepare(campaign: int, pairs: int) -> dict[str, Any]:
    """Make a template: tables, the demo line, the phase 1 of this number with frozen limits."""
    from django.core.management import call_command
    from django.db import connections
    from django.utils import timezone

    from mes.demo.load import load_demo
    from mes.simulator.trial import run_phase1, site_in_process

    template = _template(campaign)
    _server().create_roles_and_database(template)
    _use(template)
    call_command("migrate", verbosity=0)
    load_demo(state_directory=_directory(campaign), now=timezone.now())
    still_learning = run_phase1(site_in_process(_keys(campaign)), seed=campaign, pairs=pairs)
    connections.close_all()
    return {"still_learning": still_learning}


def score(order: dict[str, Any], name: str) -> dict[str, Any]:
    """Run one trial on a clone of the template and drop the clone."""
    from django.db import connections
    from psycopg import sql

    from mes.simulator.faults import Fault, Magnitude
    from mes.simulator.trial import Trial, run_trial, site_in_process

    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    with _server().connect() as connection:
        connection.execute(
            statement.format(sql.Identifier(name), sql.Identifier(_template(order["campaign"])))
        )
    _use(name)
    fault = Fault(order["fault"]) if order["fault"] else None
    trial = Trial(order["seed"], fault, Magnitude(order["magnitude"]))
    outcome = run_trial(site_in_process(_keys(order["campaign"])), trial)
    connections.close_all()
    with _server().connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    step = outcome.detection.step if outcome.detection else None
    return {**asdict(outcome), "step": step}


def _use(name: str) -> None:
    """Point every alias at a database of the server."""
    from django.db import connections

    connections.close_all()
    for alias in connections:
        connections.settings[alias]["NAME"] = name
        connections[alias].settings_dict["NAME"] = name


def _server() -> Any:
    from django.conf import settings

    from mes.runtime.postgres import EmbeddedPostgres

    return EmbeddedPostgres(settings.STATE, durable=False)


def _template(campaign: int) -> str:
    return f"halite_phase1_{campaign}"


def _directory(campaign: int) -> Path:
    """Where the API keys of a template are kept."""
    from django.conf import settings

    root: Path = settings.STATE.root
    return root / _template(campaign)


def _keys(campaign: int) -> dict[str, str]:
    listed = json.loads((_directory(campaign) / KEYS).read_text())["keys"]
    return {name: entry["key"] for name, entry in listed.items()}


if __name__ == "__main__":
    main()
