"""A sign of life to somebody outside: when it stays away, they say so."""

from __future__ import annotations

import structlog
import urllib3
from django.conf import settings
from urllib3.exceptions import HTTPError

log = structlog.get_logger(__name__)


def beat() -> bool:
    """Call `HEARTBEAT_URL`, if there is one; whether it was taken."""
    if not settings.HEARTBEAT_URL:
        return False
    try:
        with urllib3.PoolManager(timeout=5.0, retries=False) as pool:
            answer = pool.request("GET", settings.HEARTBEAT_URL, redirect=False)
    except (HTTPError, OSError) as error:
        # The address is a secret of the service that watches us.
        log.warning("heartbeat not taken", error=type(error).__name__)
        return False
    return bool(200 <= answer.status < 300)
