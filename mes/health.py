"""Is it alive, is it ready, and how much waits: for probes and for monitoring."""

from __future__ import annotations

import sys

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.defaults import server_error
from ninja.errors import AuthenticationError

from lots.models import HoldLot
from mes.api.auth import source_of_key
from mes.api.errors import unavailable
from spc.models import OutboxEntry

OLDEST_PENDING_S = 60.0
LOCAL = {"127.0.0.1", "::1", ""}  # empty: a unix socket
MEASUREMENTS = """
SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'lots_measurement'::regclass
"""


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Nothing else is asked, so that a lost database does not restart the web server."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when measurements can be taken in and are evaluated; 503 with the reasons otherwise."""
    reasons = not_ready()
    return JsonResponse({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)


def not_ready() -> list[str]:
    """What keeps Halite from its work, in words; empty when nothing does."""
    try:
        waiting = oldest_pending_s()
        unapplied = _unapplied_migrations()
    except (OperationalError, InterfaceError):
        return ["the database does not answer"]
    reasons = []
    if unapplied:
        reasons.append(f"{unapplied} migrations are not applied; run manage.py migrate")
    if waiting > OLDEST_PENDING_S:
        reasons.append(
            f"measurements wait for evaluation since {waiting:.0f} s; see whether sweeper and workers run"
        )
    return reasons


def metrics(request: HttpRequest) -> HttpResponse:
    """Numbers for Prometheus; for local callers, or with an API key."""
    if not _may_read_metrics(request):
        return HttpResponse("send an API key\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    pending = OutboxEntry.objects.filter(processed_at__isnull=True, quarantined_at__isnull=True).count()
    quarantined = OutboxEntry.objects.filter(processed_at__isnull=True, quarantined_at__isnull=False).count()
    rows = [
        ("halite_outbox_pending", "gauge", "Chart evaluations that wait.", pending),
        ("halite_outbox_quarantined", "gauge", "Chart evaluations that failed three times.", quarantined),
        (
            "halite_outbox_oldest_seconds",
            "gauge",
            "Age of the oldest waiting evaluation.",
            oldest_pending_s(),
        ),
        ("halite_holds_active", "gauge", "Holds on lots that nobody has disposed of.", _active_holds()),
        ("halite_measurements", "gauge", "Stored measurements (the planner's estimate).", _measurements()),
    ]
    text = "".join(f"# HELP {n} {what}\n# TYPE {n} {kind}\n{n} {value}\n" for n, kind, what, value in rows)
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def oldest_pending_s() -> float:
    """Age of the oldest chart evaluation that waits, in seconds; 0 when none does."""
    pending = OutboxEntry.objects.filter(processed_at__isnull=True, quarantined_at__isnull=True)
    created = pending.order_by("created_at").values_list("created_at", flat=True).first()
    return max(0.0, (timezone.now() - created).total_seconds()) if created is not None else 0.0


def failed(request: HttpRequest) -> HttpResponse:
    """Django's handler for unexpected errors: a database that is away is 503, everything else 500."""
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | InterfaceError):
        return unavailable(error)
    if request.path.startswith("/api/"):
        message = "an error of Halite; it is logged, nothing was stored"
        return JsonResponse({"code": "internal", "message": message}, status=500)
    return server_error(request)


def _unapplied_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _may_read_metrics(request: HttpRequest) -> bool:
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    # Behind a proxy everybody looks local.
    if (
        settings.SECURE_PROXY_SSL_HEADER is None
        and not forwarded
        and request.META.get("REMOTE_ADDR") in LOCAL
    ):
        return True
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    try:
        source_of_key(key)
    except AuthenticationError:
        return False
    return True


def _active_holds() -> int:
    return HoldLot.objects.filter(disposition_id__isnull=True).count()


def _measurements() -> int:
    with connection.cursor() as cursor:
        cursor.execute(MEASUREMENTS)
        return int(cursor.fetchone()[0])
