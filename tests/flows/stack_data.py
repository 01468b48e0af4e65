"""Agreements for a running stack, entered over HTTP like its users do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.flows.conftest import Stack


def enter_agreement(stack: Stack, ref: str = "supply-2026") -> None:
    """Create an agreement between two parties, and the parties if they are missing."""
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
    """Return an obligation of China to the United States; `due_at` is in whole seconds."""
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
    """Create an obligation that is due at `due_at`; return the id of its deadline."""
    content = {"agreement": agreement, **obligation(ref, f"Deliver {ref}", due_at)}
    stack.post("/api/v1/obligations/", content)
    query = f"/api/v1/deadlines/?agreement={agreement}&obligation_ref={ref}"
    [deadline] = stack.get(query)["results"]
    assert deadline["due_at"] == f"{due_at:%Y-%m-%dT%H:%M:%SZ}"
    return int(deadline["id"])


def enter_pending(
    stack: Stack, ref: str, *, agreement: str = "supply-2026"
) -> tuple[int, datetime]:
    """Create an obligation that is due within seconds; return its deadline id and due instant.

    The number of seconds depends on how long this machine takes to create an obligation now.
    """
    begun = time.monotonic()
    later = datetime.now(UTC) + timedelta(days=365)
    enter_obligation(stack, f"before-{ref}", later, agreement=agreement)
    took = time.monotonic() - begun
    due_at = datetime.now(UTC) + timedelta(seconds=3 + 5 * took)
    due_at = due_at.replace(microsecond=0)
    deadline = enter_obligation(stack, ref, due_at, agreement=agreement)
    assert status(stack, deadline) == "pending"
    return deadline, due_at


def load_supplies(stack: Stack, supplies: Sequence[Sequence[datetime]]) -> dict[str, datetime]:
    """Load a document for each of `supplies`, with an obligation for each instant in it.

    Returns the due instants by title.
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
        # On a busy machine some of them fall due before they are loaded.
        stack.manage("load_agreement", "--announce=all", *paths[first : first + 100])
    return due


def missed_lots(text: str) -> list[str]:
    """Return the titles of the lots that an email announces as missed."""
    return sorted(re.findall(r"^Missed: (Deliver lot \d+ of supply \d+)\r?$", text, re.MULTILINE))


def status(stack: Stack, deadline_id: int) -> str:
    """Return the current status of a deadline."""
    return str(stack.get(f"/api/v1/deadlines/{deadline_id}/")["status"])
