"""A history that contains every kind of fact, recorded over several months."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from compliance.models import Deadline
from compliance.operations.deadlines import sweep
from tests.samples import (
    create_agreement,
    deadline_of,
    obligation,
    record,
    record_agreement_fact,
    utc,
)

SIGNED_AT = utc("2026-02-01T00:00")
NOW = utc("2026-08-01T00:00")


def remember() -> list[Deadline]:
    """Store the history, and return its deadlines at `NOW`."""
    evidence = [
        {"ref": f"E{n}", "title": "Customs record", "kind": "document", "stance": "for"}
        for n in range(3)
    ]
    create_agreement(
        obligation("O-1", "2026-03-15", grace={"count": 5, "unit": "days"}),
        obligation("O-2", "2026-03-20", target_quantity=100, unit="t"),
        obligation("O-3", "2026-06-30", kind="refrain"),
        obligation("O-4", "2026-04-10"),
        obligation("O-5", due={"type": "trigger", "on": {"breach_of": "O-4"},
                         "then": {"type": "offset", "count": 10, "unit": "days"}}),
        obligation("O-6", "2026-05-05"),
        obligation("O-7", "2027-01-01"),
        as_of=SIGNED_AT,
        evidence=evidence,
    )  # fmt: skip
    due = {"type": "date", "on": "2026-04-15"}
    _on("O-1", "2026-03-01", type="extension", on="2026-03-01", due=due, evidence=["E0", "E1"])
    _on("O-2", "2026-03-05", type="performance", on="2026-03-04", quantity=30, evidence=["E2"])
    _on("O-2", "2026-03-10", type="performance", on="2026-03-09", quantity="12.5", note="second")
    _pass("2026-03-21")
    _on("O-2", "2026-03-25", type="determination", verdict="partly_met", on="2026-03-21",
        quantity=40, note="Two and a half tonnes were rejected.")  # fmt: skip
    _on("O-2", "2026-04-01", type="restatement", on="2026-04-01", quantity=90)
    _on("O-3", "2026-04-02", type="violation", on="2026-03-28", until="2026-04-01")
    first = _on("O-6", "2026-04-03", type="waiver", on="2026-04-03", note="by mistake")
    _on("O-6", "2026-04-04", type="retraction", supersedes=first)
    _pass("2026-04-11")
    suspended = record_agreement_fact(
        as_of=utc("2026-04-12T00:00"), type="suspension", on="2026-04-12", until="2026-04-20"
    )
    record_agreement_fact(as_of=utc("2026-04-25T00:00"), type="retraction", supersedes=suspended.pk)
    record_agreement_fact(
        as_of=utc("2026-04-26T00:00"), type="suspension", on="2026-04-12", until="2026-04-22",
        note="corrected",
    )  # fmt: skip
    _pass("2026-05-06")
    _on("O-6", "2026-05-07", type="performance", at="2026-05-06T12:00:00Z", evidence=["E0"])
    _on("O-6", "2026-05-09", type="performance", on="2026-05-05")
    _on("O-4", "2026-05-10", type="cancellation", on="2026-05-10")
    _on("O-1", "2026-05-12", type="suspension", on="2026-05-12", until="2026-05-14")
    _pass(NOW)
    return list(Deadline.objects.order_by("id"))


def _on(ref: str, day: str, **fields: Any) -> int:
    return record(deadline_of(ref), as_of=utc(f"{day}T09:00"), **fields).pk


def _pass(until: str | datetime) -> None:
    at = until if isinstance(until, datetime) else utc(f"{until}T00:00")
    sweep.run(as_of=at)
    sweep.run(as_of=at + timedelta(seconds=1))
