#!/usr/bin/env python3
"""Halite's command line."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mes.settings")
    try:
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError:
        sys.exit("Django is not installed here: run `make setup`, then use .venv/bin/python manage.py")
    execute_from_command_line(sys.argv)
