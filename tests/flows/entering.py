"""Entering agreements into a running stack, over HTTP, as its users do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.flows.conftest import Stack


def enter_agreement(stack: Stack, ref: str = "supply-2026") -> None:
    """An agreement between two parties, and these if they are not there yet."""
    for code, name, zone in (
        ("CHN", "China", "Asia/Shanghai"),
        ("USA", "United States", "America/New_York"),
    ):
        if stack.request("GET", f"/api/v1/parties/{code}/").status == 404:
            party = {"code": code, "name": name, "kind": "state", "timezone": zone}
            stack.post("/api/v1/parties/", party)
    content = {
        "ref": ref,
        "title": f"Agreement {ref}",
        "kind": "contract",
        "parties": [{"code": "CHN"}, {"code": "USA"}],
    }
    stack.post("/api/v1/agreements/", content)


def obligation(ref: str, title: str, due_at: datetime) -> dict[str, Any]:
    """What China owes the United States at an instant, in whole seconds."""
    return {
        "ref": ref,
        "title": title,
        "obligors": ["CHN"],
        "obligees": ["USA"],
        "due": {
            "type": "date",
            "on": f"{due_at:%Y-%m-%d}",
            "time": f"{due_at:%H:%M:%S}",
            "timezone": "UTC",
        },
    }


def enter_obligation(
    stack: Stack, ref: str, due_at: datetime, *, agreement: str = "supply-2026"
) -> int:
    """Store an obligation that falls due at `due_at`; the id of its deadline."""
    content = {"agreement": agreement, **obligation(ref, f"Deliver {ref}", due_at)}
    stack.post("/api/v1/obligations/", content)
    query = f"/api/v1/deadlines/?agreement={agreement}&obligation_ref={ref}"
    [deadline] = stack.get(query)["results"]
    assert deadline["due_at"] == f"{due_at:%Y-%m-%dT%H:%M:%SZ}"
    return int(deadline["id"])


def status(stack: Stack, deadline_id: int) -> str:
    """Where a deadline stands now."""
    return str(stack.get(f"/api/v1/deadlines/{deadline_id}/")["status"])
