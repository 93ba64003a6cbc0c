"""Shifts by the site's calendar and time zone: across midnight, in summer time, and without a calendar."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from lots.models import Shift, Site
from lots.shifts import PRODUCTION_DAY, shift_span
from tests.support.builders import make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    site = make_site()  # Europe/Berlin
    for name, starts, ends in (("EARLY", 6, 14), ("LATE", 14, 22), ("NIGHT", 22, 6)):
        Shift.objects.create(site=site, name=name, starts=time(starts), ends=time(ends))
    return site


@pytest.mark.parametrize(
    ("utc", "name", "starts_utc"),
    [
        ("2026-01-10T05:00", "EARLY", "2026-01-10T05:00"),  # 06:00 in Berlin: the first instant belongs to it
        ("2026-01-10T12:59", "EARLY", "2026-01-10T05:00"),
        ("2026-01-10T13:00", "LATE", "2026-01-10T13:00"),
        ("2026-01-10T21:00", "NIGHT", "2026-01-10T21:00"),
        ("2026-01-11T04:59", "NIGHT", "2026-01-10T21:00"),  # after midnight it is still yesterday's
        ("2026-07-10T04:00", "EARLY", "2026-07-10T04:00"),  # summer time
    ],
)
def test_an_instant_belongs_to_one_shift(site: Site, utc: str, name: str, starts_utc: str) -> None:
    span = shift_span(site, datetime.fromisoformat(utc).replace(tzinfo=UTC))
    assert (span.name, span.starts_at.astimezone(UTC)) == (
        name,
        datetime.fromisoformat(starts_utc).replace(tzinfo=UTC),
    )


def test_a_site_without_a_calendar_has_production_days() -> None:
    site = make_site()  # its production day begins at 06:00
    span = shift_span(site, datetime(2026, 1, 10, 4, 30, tzinfo=UTC))  # 05:30 in Berlin
    assert span.name == PRODUCTION_DAY
    assert span.starts_at.astimezone(UTC) == datetime(2026, 1, 9, 5, tzinfo=UTC)
    assert span.ends_at - span.starts_at == timedelta(days=1)


def test_what_no_shift_covers_belongs_to_the_production_day() -> None:
    site = make_site()
    Shift.objects.create(site=site, name="EARLY", starts=time(6), ends=time(14))
    assert shift_span(site, datetime(2026, 1, 10, 23, tzinfo=UTC)).name == PRODUCTION_DAY
