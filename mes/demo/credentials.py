"""Credentials of the demo. They are public: the loader refuses every profile but demo and test."""

from __future__ import annotations

DEMO_PASSWORD = "halite-demo-2026"  # load_demo prints it; a plant never has it
DEMO_PROFILES = frozenset({"demo", "test"})
