"""The navigation: where a user can go from anywhere. A page that stands on its own is one line here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A page. `name` is its URL's, and what its view gives as `nav_active`; `near` stands in a tablet's bottom bar."""

    name: str
    label: str
    icon: str
    near: bool = False

    @property
    def url_name(self) -> str:
        return f"web:{self.name}"


@dataclass(frozen=True)
class Group:
    title: str
    places: tuple[Place, ...]


NAVIGATION = (
    Group(
        "Line",
        (
            Place("line", "Line", "layout-dashboard", near=True),
            Place("station", "Station", "scan", near=True),
            Place("lots", "Lots", "package", near=True),
            Place("receiving", "Receiving", "inbox"),
            Place("zones", "Dry rooms", "snowflake"),
            Place("upload", "Upload", "upload"),
        ),
    ),
    Group(
        "Quality",
        (
            Place("charts", "Charts", "chart-line", near=True),
            Place("capability_ranking", "Capability", "activity"),
            Place("review", "Review", "clipboard-check", near=True),
            Place("reactions", "Reactions", "bell"),
            Place("deviations", "Deviations", "signature"),
            Place("cases", "Nonconformances", "alert-triangle"),
            Place("defects", "Defects", "alert-octagon"),
        ),
    ),
    Group(
        "Definitions",
        (
            Place("specifications", "Specifications", "ruler-2"),
            Place("requirements", "Requirements", "file-certificate"),
            Place("traceability", "Traceability", "link"),
            Place("safety_chains", "Safety chain", "sitemap"),
            Place("plans", "Control plans", "table"),
            Place("gauges", "Gauges", "focus-centered"),
            Place("sampling", "Sampling plans", "search"),
        ),
    ),
)
