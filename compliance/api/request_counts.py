"""Count requests per client and minute: in Valkey, or in this process while Valkey is down."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.errors import ConfigurationError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = structlog.get_logger(__name__)

WINDOW_SECONDS = 60
# Valkey answers within a millisecond. A request waits for it no longer than this, and after it did
# not answer, the requests of the next seconds do not ask.
_PATIENCE_SECONDS = 0.2
_PAUSE_SECONDS = 5
_PREFIX = "pacta:requests"


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """How many requests per minute each client of a kind may send."""

    kind: str
    per_minute: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """What is left of a quota after a request, and the seconds until more is left."""

    is_exceeded: bool
    remaining: int
    seconds: int


class RequestCounter:
    """Counts requests in a sliding window.

    Two counters per client approximate the window: the library weights that of the minute before by
    the part of it that the window still covers. So the memory per client does not grow with its
    requests, unlike a list of their times. Requests that are refused do not count.
    """

    def __init__(self, broker_url: str) -> None:
        self._local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = _shared_limiter(broker_url)
        self._asks_again_at = 0.0

    def count(self, quota: Quota, client: str) -> Count:
        """Count a request of a client, unless its quota is exceeded."""
        if self._shared is not None and time.monotonic() >= self._asks_again_at:
            try:
                return _counted(self._shared, quota, client)
            except (RedisError, OSError) as error:
                self._asks_again_at = time.monotonic() + _PAUSE_SECONDS
                log.warning("requests are counted in this process", error=str(error))
        # Each process has its own count then, so that together they may allow several quotas.
        return _counted(self._local, quota, client)


@cache
def request_counter() -> RequestCounter:
    """Return the counter of this process."""
    return RequestCounter(settings.BROKER_URL)


def _counted(limiter: SlidingWindowCounterRateLimiter, quota: Quota, client: str) -> Count:
    item = RateLimitItemPerMinute(quota.per_minute, namespace=quota.kind)
    is_exceeded = not limiter.hit(item, client)
    reset_at, remaining = limiter.get_window_stats(item, client)
    seconds = max(1, min(WINDOW_SECONDS, ceil(reset_at - time.time())))
    return Count(
        is_exceeded=is_exceeded, remaining=0 if is_exceeded else int(remaining), seconds=seconds
    )


def _shared_limiter(broker_url: str) -> SlidingWindowCounterRateLimiter | None:
    """Return the limiter that counts in Valkey, or None if the broker is something else."""
    parts = urlsplit(broker_url)
    # Celery and the library use different notations for a Unix socket.
    url = f"redis+unix://{parts.path}" if parts.scheme == "redis+socket" else broker_url
    # The library passes all options on to redis-py, but declares numbers and texts only.
    options: Any = {"retry": Retry(NoBackoff(), 0)}
    try:
        storage = RedisStorage(
            url,
            key_prefix=_PREFIX,
            socket_timeout=_PATIENCE_SECONDS,
            socket_connect_timeout=_PATIENCE_SECONDS,
            **options,
        )
    except (ConfigurationError, ValueError) as error:
        log.warning("requests are counted in each process", error=str(error))
        return None
    return SlidingWindowCounterRateLimiter(storage)
