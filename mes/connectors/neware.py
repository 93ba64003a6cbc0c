"""Neware cycler files (.nda, .ndax): records and header, read by fastnda from bytes that were checked before."""

from __future__ import annotations

import logging
import warnings
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import fastnda  # type: ignore[import-untyped]
import pandas as pd  # type: ignore[import-untyped]

from mes.connectors.files import UnreadableFile, unpack_bounded

logger = logging.getLogger(__name__)

MAX_UNPACKED_BYTES = 512_000_000
# A first record this close to the start time in the file's header carries the wall clock of the cycler's
# computer; further away, by whole quarter hours, the records count true UTC.
_CLOCK_TOLERANCE_S = 600.0

_COLUMNS = ("step_count", "cycle_count", "step_index", "step_type", "step_time_s", "unix_time_s")
_VALUES = ("voltage_V", "current_mA", "capacity_mAh")


class NewareFormat(StrEnum):
    NDA = "nda"
    NDAX = "ndax"


def read_records(
    name: str, content: bytes, folder: Path
) -> tuple[pd.DataFrame, Mapping[str, Any], tuple[str, ...], NewareFormat]:
    """Records, header, remarks and format of a Neware file. `folder` is an empty one for the checked copy.

    Raises:
        UnreadableFile: corrupt, truncated, empty or not a Neware file.
    """
    file_format = _detect(name, content)
    # fastnda goes by the extension, and must see exactly the bytes that were checked and hashed.
    checked = folder / f"test.{file_format}"
    _write_checked(name, content, file_format, checked)
    records, remarks = _records(name, checked)
    return records, _metadata(checked), remarks, file_format


def _detect(name: str, content: bytes) -> NewareFormat:
    if content.startswith(b"NEWARE"):
        return NewareFormat.NDA
    if content.startswith(b"PK\x03\x04"):
        return NewareFormat.NDAX
    raise UnreadableFile(f"{name} is not a Neware file: choose the .nda or .ndax that the cycler exported.")


def _write_checked(name: str, content: bytes, file_format: NewareFormat, target: Path) -> None:
    if file_format is NewareFormat.NDA:
        target.write_bytes(content)
        return
    members = unpack_bounded(name, content, suffixes=(".ndc", ".xml"), max_unpacked_bytes=MAX_UNPACKED_BYTES)
    if not members.get("data.ndc"):
        raise UnreadableFile(f"{name} is an archive without cycler records: choose the .ndax of the test.")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)


def _records(name: str, checked: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            table = fastnda.read(checked, cycle_mode="chg", raw_categories=True)
            # Column by column through numpy: polars stays behind fastnda, and no pyarrow is needed.
            records = pd.DataFrame({column: table[column].to_numpy() for column in table.columns})
        except BaseException as error:
            # A panic of the compiled parser is no Exception; anything else of that kind is not ours to stop.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            logger.info("cycler file %s could not be parsed: %s", name, error)
            raise UnreadableFile(
                f"{name} is truncated, corrupt or of an unknown Neware version: export it again as .ndax."
            ) from error
    missing = [column for column in (*_COLUMNS, *_VALUES) if column not in records]
    if missing:
        raise UnreadableFile(f"{name} lacks {', '.join(missing)}: export it again with all records.")
    if records.empty:
        raise UnreadableFile(f"{name} holds no records: export it again after the test has run.")
    if records[[*_COLUMNS, *_VALUES]].isna().to_numpy().any():
        raise UnreadableFile(f"{name} has gaps in its records: export it again from the cycler software.")
    remarks = dict.fromkeys(
        str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)
    )
    return records, tuple(remarks)


def _metadata(checked: Path) -> Mapping[str, Any]:
    """The file's header; empty when it cannot be read, so that nothing is concluded from it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            metadata: Mapping[str, Any] = fastnda.read_metadata(checked)
        except Exception:
            logger.info("cycler file header could not be parsed", exc_info=True)
            return {}
        return metadata


def carries_wall_clock(metadata: Mapping[str, Any], first_unix_s: float) -> bool:
    """Whether the records count the wall clock of the cycler's computer instead of UTC. In doubt, they do."""
    try:
        told = metadata.get("start_time") or metadata["TestInfo"]["TestInfo"]["StartTime"]
        start = datetime.fromisoformat(told).replace(tzinfo=UTC)
    except (KeyError, TypeError, ValueError):
        return True
    return abs(first_unix_s - start.timestamp()) < _CLOCK_TOLERANCE_S
