"""The web process watches the workers: when one stops, it is the one that is left to say so."""

from __future__ import annotations

import threading

import structlog
from django.db import close_old_connections
from django.utils import timezone

from compliance.operations.system.outages import OutageMonitor
from compliance.queries.system import health

log = structlog.get_logger(__name__)


def look(watch: OutageMonitor) -> None:
    """Look once at everything that the work needs."""
    now = timezone.now()
    checks = health.readiness(as_of=now)
    watch.update({name for name, each in checks.items() if each.state == "failing"}, as_of=now)


def start(*, every_seconds: int) -> threading.Thread:
    """Watch from a thread of this process, until it ends. Survives whatever goes wrong."""
    watch = OutageMonitor()
    pause = threading.Event()

    def go_on() -> None:
        while not pause.wait(every_seconds):
            try:
                close_old_connections()
                look(watch)
            except Exception:  # whoever watches must outlive what it watches
                log.exception("the watch could not look")
            finally:
                close_old_connections()

    thread = threading.Thread(target=go_on, name="watch", daemon=True)
    thread.start()
    return thread
