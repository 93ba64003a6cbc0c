"""Receiving an instrument file: size capped while it streams, stored under a generated name."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler

GENERATED_NAME = "instrument-file"


class CappedUpload(TemporaryFileUploadHandler):
    """Writes to a temporary file and stops reading the request at `max_bytes`; `too_large` then says so."""

    def __init__(self, request: Any, *, max_bytes: int) -> None:
        super().__init__(request)
        self.max_bytes = max_bytes
        self.received = 0
        self.too_large = False

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        # Django would carry the sender's file extension into the temporary name.
        super().new_file(field_name, GENERATED_NAME, *args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.received > self.max_bytes:
            self.too_large = True
            raise StopUpload(connection_reset=True)
        super().receive_data_chunk(raw_data, start)
