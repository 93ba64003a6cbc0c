"""The WSGI application that granian serves."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from mes.runtime.processes import die_with_supervisor

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mes.settings")
die_with_supervisor()
application = get_wsgi_application()

from mes.checks import refuse_unsafe_start  # noqa: E402  # needs the loaded applications

refuse_unsafe_start()
