"""The stored sessions of browsers."""

from __future__ import annotations

from datetime import datetime

from django.contrib.sessions.models import Session


def prune(*, as_of: datetime) -> int:
    """Delete the sessions that have expired, and return their number."""
    deleted, _ = Session.objects.filter(expire_date__lte=as_of).delete()
    return deleted
