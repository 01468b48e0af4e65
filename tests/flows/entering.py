"""Entering agreements into a running stack, over HTTP, as its users do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
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


def enter_pending(stack: Stack, ref: str) -> tuple[int, datetime]:
    """Store an obligation that is pending and falls due within seconds.

    How many depends on how long this machine takes to store one now. Returns the id of its
    deadline, and when that is due.
    """
    begun = time.monotonic()
    enter_obligation(stack, f"before-{ref}", datetime.now(UTC) + timedelta(days=365))
    took = time.monotonic() - begun
    due_at = datetime.now(UTC) + timedelta(seconds=3 + 5 * took)
    due_at = due_at.replace(microsecond=0)
    deadline = enter_obligation(stack, ref, due_at)
    assert status(stack, deadline) == "pending"
    return deadline, due_at


def load_supplies(stack: Stack, supplies: Sequence[Sequence[datetime]]) -> dict[str, datetime]:
    """Store an agreement for each of `supplies`, with a lot for each instant in it, as documents.

    Returns when each lot is due, by its title.
    """
    due = {}
    paths = []
    for number, instants in enumerate(supplies):
        obligations = []
        for place, due_at in enumerate(instants):
            title = f"Deliver lot {place} of supply {number}"
            obligations.append(obligation(f"O-{place}", title, due_at))
            due[title] = due_at
        document = {
            "format": "pacta.agreement/v1",
            "ref": f"supply-{number}",
            "title": f"Supply {number}",
            "kind": "contract",
            "parties": [
                {"code": "CHN", "name": "China", "kind": "state", "timezone": "Asia/Shanghai"},
                {"code": "USA", "name": "USA", "kind": "state", "timezone": "America/New_York"},
            ],
            "obligations": obligations,
        }
        path = stack.folder / f"supply-{number}.json"
        path.write_text(json.dumps(document))
        paths.append(str(path))
    for first in range(0, len(paths), 100):
        stack.manage("load_agreement", *paths[first : first + 100])
    return due


def missed_lots(text: str) -> list[str]:
    """The titles of the lots that a mail says were missed."""
    return sorted(re.findall(r"^Missed: (Deliver lot \d+ of supply \d+)\r?$", text, re.MULTILINE))


def status(stack: Stack, deadline_id: int) -> str:
    """Where a deadline stands now."""
    return str(stack.get(f"/api/v1/deadlines/{deadline_id}/")["status"])
