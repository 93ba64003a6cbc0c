"""JSON in, with the text of every number kept."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class ExactParser(Parser):
    """Numbers with a point or an exponent arrive as their text, so that 1.10 stays 1.10."""

    def parse_body(self, request: HttpRequest) -> Any:
        return json.loads(request.body, parse_float=str, parse_constant=_refuse_constant)
