"""Watches the workers from the web process, which still runs when they have stopped."""

from __future__ import annotations

import threading

import structlog
from django.db import close_old_connections
from django.utils import timezone

from compliance.operations.system.outages import OutageMonitor
from compliance.queries.system import health

log = structlog.get_logger(__name__)


def check(monitor: OutageMonitor) -> None:
    """Check every part of the service once and record which ones fail."""
    now = timezone.now()
    checks = health.readiness(as_of=now)
    monitor.update({name for name, each in checks.items() if each.state == "failing"}, as_of=now)


def start(*, every_seconds: int) -> threading.Thread:
    """Check periodically in a daemon thread. Errors are logged and do not stop it."""
    monitor = OutageMonitor()
    pause = threading.Event()

    def run() -> None:
        while not pause.wait(every_seconds):
            try:
                close_old_connections()
                check(monitor)
            except Exception:  # the watch must outlive the failures that it reports
                log.exception("the outage watch failed")
            finally:
                close_old_connections()

    thread = threading.Thread(target=run, name="outage-watch", daemon=True)
    thread.start()
    return thread
