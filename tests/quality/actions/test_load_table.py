"""Reading the tables of `quality/data`."""

from __future__ import annotations

import pytest

from quality.actions.load_table import LoadRefused, weakest_source_type
from quality.models import SourceType


@pytest.mark.parametrize(
    ("text", "weakest"),
    [
        ("book", SourceType.HANDBOOK),
        ("book (no number)+assumption", SourceType.ASSUMPTION),
        ("book; sd assumption", SourceType.ASSUMPTION),
        ("book; sd from Aurora", SourceType.REAL_DATA),
        ("literature+computed", SourceType.COMPUTED),
    ],
)
def test_the_weakest_part_decides(text: str, weakest: SourceType) -> None:
    assert weakest_source_type(text) == weakest


def test_an_unknown_wording_is_refused() -> None:
    with pytest.raises(LoadRefused, match="'hearsay' names no known source"):
        weakest_source_type("hearsay")
