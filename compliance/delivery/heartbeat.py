"""The heartbeat to an outside monitor, which raises an alarm when it stops."""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from django.conf import settings

from compliance.delivery import http_client

log = structlog.get_logger(__name__)


def beat() -> bool:
    """Request `HEARTBEAT_URL`, if it is set. Return whether the monitor accepted the request."""
    if not settings.HEARTBEAT_URL:
        return False
    parts = urlsplit(settings.HEARTBEAT_URL)
    headers = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": "Pacta"}
    try:
        found = http_client.request("GET", parts, address=parts.hostname or "", headers=headers)
    except http_client.FAILURES as error:
        # The URL is not logged: it contains a secret of the monitor.
        log.warning("heartbeat not accepted", error=type(error).__name__)
        return False
    return 200 <= found.status < 300
