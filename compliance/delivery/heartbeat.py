"""A sign of life to somebody outside: when it stays away, they say so."""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from django.conf import settings

from compliance.delivery import calls

log = structlog.get_logger(__name__)


def beat() -> bool:
    """Call `HEARTBEAT_URL`, if there is one; whether it was taken."""
    if not settings.HEARTBEAT_URL:
        return False
    parts = urlsplit(settings.HEARTBEAT_URL)
    headers = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": "Pacta"}
    try:
        status, _ = calls.call("GET", parts, address=parts.hostname or "", headers=headers)
    except calls.FAILURES as error:
        # The address is a secret of the service that watches us.
        log.warning("heartbeat not taken", error=type(error).__name__)
        return False
    return 200 <= status < 300
