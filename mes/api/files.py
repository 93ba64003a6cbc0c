"""Files of instruments for one cell: a cycler's test or an impedance spectrum, as the body of a request."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field, StringConstraints

from lots.models import Lot, Measurement
from mes.api.auth import Caller, caller_of
from mes.api.errors import writing
from mes.api.lookup import lot_of
from mes.api.schemas import PRINTABLE, Code, Strict
from mes.connectors.cycler.read import MAX_BYTES
from mes.connectors.files import UnreadableFile
from mes.connectors.impedance.read import is_impedance_file
from mes.connectors.import_cycler import ImportRefused, import_cycler_file
from mes.connectors.import_impedance import conditions, import_impedance_file

router = Router(tags=["Instrument files"])

CHUNK = 1 << 16
Words = Annotated[str, StringConstraints(max_length=20, pattern=PRINTABLE)]


class FileQuery(Strict):
    """Conditions of a spectrum, % and °C; `running` says that a cycler's test goes on."""

    soc: Words = ""
    temperature: Words = ""
    running: Annotated[bool, Field()] = False


class TooLarge(Exception):
    """The body is larger than a file may be."""


@router.post("/lots/{code}/files", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def bring(request: HttpRequest, code: Code, wanted: Query[FileQuery]) -> JsonResponse:
    """The bytes of a cycler's or an impedance analyser's file as the body, for a cell in formation. What it holds
    becomes readings, its curves are kept. The same file for the same cell is recognised, so it needs no key."""
    caller = caller_of(request)
    lot = lot_of(caller.site, code)
    try:
        with _received(request) as path:
            return _imported(caller, lot, path, wanted)
    except TooLarge:
        message = f"the file is larger than {MAX_BYTES // 1_000_000} MB: export the test in parts"
        return JsonResponse({"code": "too_large", "message": message}, status=413)
    except UnreadableFile as error:
        return JsonResponse({"code": "unreadable", "message": str(error)}, status=422)
    except ImportRefused as error:
        return JsonResponse({"code": "refused", "message": str(error)}, status=409)


def _imported(caller: Caller, lot: Lot, path: Path, wanted: FileQuery) -> JsonResponse:
    now = timezone.now()
    answer: dict[str, Any] | None
    if is_impedance_file(path):
        soc_pct, temperature_c = conditions(wanted.soc, wanted.temperature)
        spectrum = import_impedance_file(
            path, cell=lot, user=caller.user, now=now, soc_pct=soc_pct, temperature_c=temperature_c
        )
        answer, kind = spectrum.answer, "impedance"
        recognised, remarks, digest = spectrum.recognised, spectrum.remarks, spectrum.file.sha256
    else:
        test = import_cycler_file(path, cell=lot, user=caller.user, now=now, running=wanted.running)
        answer, kind = test.answer, "cycling"
        recognised, remarks, digest = test.recognised, test.remarks, test.file.sha256
    body = {
        "kind": kind,
        "file_sha256": digest,
        "recognised": recognised,
        "remarks": list(remarks),
        "readings": _readings(answer),
        "answer": answer,
    }
    return JsonResponse(body, status=200 if recognised else 201)


def _readings(answer: dict[str, Any] | None) -> list[dict[str, str]]:
    """What was read from the file, without what follows from it."""
    if answer is None:
        return []
    rows = Measurement.objects.filter(submission__uuid=answer["submission"], formula_version__isnull=True)
    return [
        {
            "characteristic": row.characteristic.code,
            "position": "" if row.position is None else f"{row.position.normalize():f}",
            "value": f"{row.value.normalize():f}",
        }
        for row in rows.select_related("characteristic").order_by("sequence")
    ]


@contextmanager
def _received(request: HttpRequest) -> Iterator[Path]:
    """The body in a temporary file under a generated name, read in small steps up to the bound. Raises TooLarge."""
    handle, name = tempfile.mkstemp(prefix="halite-instrument-file-")
    path, received = Path(name), 0
    try:
        with os.fdopen(handle, "wb") as file:
            while chunk := request.read(CHUNK):
                received += len(chunk)
                if received > MAX_BYTES:
                    raise TooLarge
                file.write(chunk)
        yield path
    except UnreadableFile as error:
        raise UnreadableFile(str(error).replace(path.name, "The file")) from error
    finally:
        path.unlink(missing_ok=True)
