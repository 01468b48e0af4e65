"""Two agreements with every status, tags, corrections, disputes and acknowledgements."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from compliance.domain.alerts.drafts import AcknowledgementDraft
from compliance.models import Breach, User
from compliance.models.people.readers import SYSTEM
from compliance.operations.deadlines import breaches as operations
from compliance.operations.deadlines import sweep
from compliance.queries.agreements import obligations
from compliance.queries.deadlines import breaches, deadlines
from compliance.queries.rows import Row
from tests.operations import example_history
from tests.samples import (
    BUYER,
    SUPPLIER,
    create_agreement,
    deadline_of,
    obligation,
    record,
    state_position,
    update_agreement,
    update_obligation,
    utc,
)

_THIRD = {
    "code": "USA",
    "name": "United States",
    "kind": "state",
    "country": "US",
    "timezone": "UTC",
}
NOW = utc("2026-10-01T00:00")
# When an agreement was found to be a treaty, and no contract.
CORRECTED = utc("2026-08-02T00:00")
# Instants, each as known at another one.
MOMENTS: tuple[dict[str, Any], ...] = (
    {},
    {"as_of": utc("2026-05-08T00:00"), "known_at": utc("2026-05-08T00:00")},
    {"as_of": utc("2026-03-21T12:00"), "known_at": NOW},
    {"as_of": utc("2026-09-05T00:00"), "known_at": utc("2026-09-05T00:00")},
)


def create() -> None:
    """Store both agreements, and what happened until `NOW`."""
    desk = User.objects.create_user("ana@example.org", "secret")
    example_history.remember()
    update_agreement(kind="treaty", as_of=CORRECTED)
    create_agreement(
        obligation("T-1", "2026-08-10", tags=["policy:steel", "hs:7208"], severity="high"),
        obligation("T-2", "2026-08-10", tags=["policy:steel"], obligors=["ACME"],
                   obligees=["CHN"], severity="critical", responsible=["ana@example.org"]),
        obligation("T-3", "2026-08-20", tags=["policy:ports"], severity="low"),
        obligation("T-4", due={"type": "recurrence", "rrule": "FREQ=WEEKLY;COUNT=6",
                               "start": "2026-08-12"}, tags=["policy:ports", "hs:7208"]),
        obligation("T-5", "2026-12-31", kind="maintain", obligors=["CHN", "USA"]),
        obligation("T-6", due={"type": "undated"}, tags=["policy:steel"]),
        obligation("T-7", due={"type": "undated"}, tags=["policy:steel"]),
        ref="talks", kind="trade_deal", parties=[BUYER, SUPPLIER, _THIRD],
        timezone="Europe/Berlin", as_of=utc("2026-08-03T00:00"),
    )  # fmt: skip
    sweep.run(as_of=utc("2026-08-14T00:00"))
    breach = Breach.objects.get(deadline=deadline_of("T-2"))
    draft = AcknowledgementDraft(until_at=utc("2026-10-20T00:00"))
    operations.acknowledge(breach=breach, draft=draft, by=desk, as_of=utc("2026-08-15T00:00"))
    breach = Breach.objects.get(deadline=deadline_of("T-1"))
    draft = AcknowledgementDraft(until_at=utc("2026-08-17T00:00"))
    operations.acknowledge(breach=breach, draft=draft, by=desk, as_of=utc("2026-08-15T00:00"))
    # Each is recorded late, and the second proves that nothing was ever late.
    for number, day in ((1, "2026-08-15"), (2, "2026-08-19"), (3, "2026-08-30")):
        sweep.run(as_of=utc("2026-09-03T00:00") + timedelta(hours=number))
        at = utc("2026-09-03T12:00") + timedelta(hours=number)
        record(deadline_of("T-4", number), as_of=at, type="performance", on=day)
    update_obligation(
        obligation("T-3", "2026-08-20", tags=["hs:7208"], severity="high", kind="achieve"),
        as_of=utc("2026-09-10T00:00"),
    )
    for party, verdict in (("ACME", "not_met"), ("CHN", "met")):
        state_position(
            deadline_of("T-3"), as_of=utc("2026-09-01T00:00"), party=party, verdict=verdict,
            on="2026-08-25",
        )  # fmt: skip
    # No date was set for these.
    record(deadline_of("T-6"), as_of=utc("2026-08-09T00:00"), type="performance", on="2026-08-05")
    record(
        deadline_of("T-7"), as_of=utc("2026-08-25T00:00"), type="determination",
        verdict="not_met", on="2026-08-24", note="Not seen.",
    )  # fmt: skip
    record(deadline_of("T-5"), as_of=utc("2026-09-12T00:00"), type="violation", on="2026-09-11")
    sweep.run(as_of=NOW)


def everything(moment: dict[str, Any]) -> list[Row]:
    """Return all deadlines at a moment, with their obligations and breaches."""
    listing = deadlines.DeadlineListing(**moment)
    rows = deadlines.listed(listing, reader=SYSTEM, now=NOW).rows
    of_obligations = obligations.ObligationListing(**moment)
    owed = {
        each["id"]: each for each in obligations.listed(of_obligations, reader=SYSTEM, now=NOW).rows
    }
    found = breaches.listed(breaches.BreachListing(**moment), reader=SYSTEM, now=NOW).rows
    for row in rows:
        obligation = owed[row["obligation"]]
        row |= {name: obligation[name] for name in ("tags", "severity", "responsible")}
        row["all_obligors"] = obligation["obligors"]
        row["breaches"] = [each for each in found if each["deadline"] == row["id"]]
    return rows
