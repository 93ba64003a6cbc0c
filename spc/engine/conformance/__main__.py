"""`python -m spc.engine.conformance CASES.json`: the engine's answer to every case of a file, one JSON line each.

With `--table` it prints how far the answers are from the expected ones instead, as a Markdown table.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from spc.engine.conformance import answer_case
from spc.engine.conformance.agreement import agreements, table

USAGE = "usage: python -m spc.engine.conformance [--table] CASES.json\n"


def main(arguments: list[str]) -> int:
    """0 when every case was answered, 1 when one could not be, 2 for a file that is none."""
    wants_table = "--table" in arguments
    files = [argument for argument in arguments if argument != "--table"]
    if len(files) != 1 or files[0].startswith("-"):
        sys.stderr.write(USAGE)
        return 2
    try:
        document = json.loads(Path(files[0]).read_text(encoding="utf-8"))
        cases = document["cases"] if isinstance(document, dict) else document
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"{files[0]} cannot be read as a file of cases: {error}\n")
        return 2
    lines = {}
    for case in cases:
        line = answer_case(case)
        lines[str(line["id"])] = line
        if not wants_table:
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
    if wants_table:
        sys.stdout.write(table(agreements(cases, lines)) + "\n")
    return 1 if any("error" in line for line in lines.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
