"""The due date of a deadline: its day, and the instants that follow from it."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple


class Due(NamedTuple):
    """When something is due, and when it becomes unmet.

    `due_on` is a civil day in `timezone`; the instants are in UTC. `due_at` is exclusive: what
    happens at that instant is late. `unmet_at` is the end of the grace period, and equals
    `due_at` if there is none. `earliest_due_at` is set only if the due instant is ambiguous,
    because the parties are in different zones or because the rule has several readings: what
    happens from it until before `due_at` is in time by one reading and late by another.
    """

    due_on: dt.date
    due_at: dt.datetime
    unmet_at: dt.datetime
    timezone: str
    earliest_due_at: dt.datetime | None = None
