"""Bombs: hostile and very large requests, and what each of them costs the web server.

`python -m tests.flows.bombs [--only TEXT]` starts the web processes with a database of their own,
by the same command as `make run`, and sends every request of `bomb_requests` as a viewer and as an
administrator. It prints the status of each response, the processor time that the web processes and
PostgreSQL took, and by how much the memory of a web process grew at its peak. The worst come first.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from config.env import environment
from tests.flows.bomb_requests import IMPORT, Bomb, World, bombs, world_documents
from tests.flows.conftest import ADMIN_EMAIL, Stack, eventually, stack_in

MOST_MEBIBYTES = 200.0
# What a request takes beside its own computations: to be received, to roll back, to be logged.
_ASIDE_SECONDS = 1.0
VIEWER = "viewer@example.org"
_PASSWORD = "a wet lamp sings 42"
# How long a client waits for a response, in seconds.
_PATIENCE = 600
_TICKS = os.sysconf("SC_CLK_TCK")

_DETAIL = re.compile(r'"detail":"([^"]*)')

_CREATE_VIEWER = f"""
from django.contrib.auth.models import Group
from compliance.models import User
user = User.objects.create_user({VIEWER!r}, {_PASSWORD!r}, is_staff=True)
user.groups.add(Group.objects.get(name="viewer"))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one request cost. Times are in seconds, `mebibytes` is the growth at the peak.

    `status` is 0 if the server closed the connection.
    """

    name: str
    role: str
    status: int
    web_seconds: float
    database_seconds: float
    elapsed: float
    mebibytes: float
    detail: str
    most_seconds: float

    @property
    def is_within_bounds(self) -> bool:
        """Whether it took no more than a request may, and was no server error."""
        return self.share <= 1

    @property
    def share(self) -> float:
        """The largest share that it took of what a request may; over 1 if it took too much."""
        return max(
            self.web_seconds / (self.most_seconds + _ASIDE_SECONDS),
            self.database_seconds / (self.most_seconds + _ASIDE_SECONDS),
            self.mebibytes / MOST_MEBIBYTES,
            2.0 if self.status >= http.client.INTERNAL_SERVER_ERROR else 0.0,
        )

    def line(self) -> str:
        """Return the row of the table."""
        return (
            f"{self.web_seconds:7.2f} {self.database_seconds:7.2f} {self.elapsed:7.2f} "
            f"{self.mebibytes:7.0f} {self.status:>6}  {self.role:<13} {self.name}  {self.detail}"
        )


HEADER = "  web s    db s  wall s     MiB status  as            request"


@dataclass(kw_only=True)
class Meter:
    """Measures the web processes of a stack, and its database."""

    stack: Stack

    def web_seconds(self) -> float:
        """Return the processor time of the web processes."""
        return sum(map(_seconds, _tree(self.stack.processes["web"].pid)))

    def database_seconds(self) -> float:
        """Return the processor time of PostgreSQL, with its ended processes."""
        pid = int((self.stack.postgres.data_dir / "postmaster.pid").read_text().split()[0])
        return sum(map(_seconds, _tree(pid)))

    def forget_peaks(self) -> dict[int, int]:
        """Let the peaks of memory begin anew; return the memory of each process now, in kB."""
        found = {}
        for pid in _tree(self.stack.processes["web"].pid):
            Path(f"/proc/{pid}/clear_refs").write_text("5")
            found[pid] = _kilobytes(pid, "VmRSS")
        return found

    def growth(self, before: dict[int, int]) -> float:
        """Return by how much the process that grew most did so at its peak, in MiB."""
        return max(_kilobytes(pid, "VmHWM") - size for pid, size in before.items()) / 1024


def _tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(OSError):  # It has ended since.
                found += map(int, children.read_text().split())
    return found


def _seconds(pid: int) -> float:
    """Return the processor time of a process and of its ended children."""
    try:
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # It has ended since, and its parent counts it.
        return 0.0
    return sum(map(int, times[11:15])) / _TICKS


def _kilobytes(pid: int, name: str) -> int:
    """Return a size of a process: `VmRSS` is its memory now, and `VmHWM` its peak."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    return 0 if found is None else int(found[1])


@dataclass(frozen=True, kw_only=True)
class Sender:
    """A role with a token and a browser session."""

    stack: Stack
    role: str
    token: str
    session: requests.Session

    def send(self, bomb: Bomb) -> tuple[int, str]:
        """Send a request, and return the status of its response, and why it was refused.

        The status is 0 if the connection was closed.
        """
        body = None if bomb.body is None else bomb.body()
        headers = {"Content-Type": bomb.content_type} if body is not None else {}
        sender: requests.Session = self.session if bomb.in_browser else requests.Session()
        if bomb.in_browser:
            headers["X-CSRFToken"] = self.session.cookies.get("csrftoken") or ""
            headers["Referer"] = self.stack.address
        else:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            answer = sender.request(
                bomb.method, self.stack.address + bomb.path, data=body, headers=headers,
                timeout=_PATIENCE, allow_redirects=False,
            )  # fmt: skip
        except requests.ConnectionError:
            return 0, ""
        found = (
            _DETAIL.search(answer.text) if answer.status_code == http.client.BAD_REQUEST else None
        )
        return answer.status_code, "" if found is None else found[1][:80]


def senders(stack: Stack) -> list[Sender]:
    """Return the least and the most privileged role."""
    stack.manage("shell", "-c", _CREATE_VIEWER)
    created = stack.manage("create_token", "bombs", "--user", VIEWER).stdout
    passwords = {VIEWER: _PASSWORD, ADMIN_EMAIL: stack.environment["ADMIN_PASSWORD"]}
    tokens = {VIEWER: created.strip().splitlines()[-1], ADMIN_EMAIL: stack.token}
    names = {VIEWER: "viewer", ADMIN_EMAIL: "administrator"}
    return [
        Sender(
            stack=stack,
            role=names[email],
            token=tokens[email],
            session=_signed_in(stack, email, each),
        )
        for email, each in passwords.items()
    ]


def _signed_in(stack: Stack, email: str, password: str) -> requests.Session:
    session = requests.Session()
    address = f"{stack.address}/account/login/"
    session.get(address)
    answer = session.post(
        address,
        data={
            "login": email,
            "password": password,
            "csrfmiddlewaretoken": session.cookies["csrftoken"],
        },
        headers={"Referer": address},
        allow_redirects=False,
    )
    assert answer.is_redirect, answer.text
    session.get(f"{stack.address}/admin/")
    return session


def fill(stack: Stack) -> World:
    """Store the world that the requests meet."""
    for each in world_documents():
        stack.post("/api/v1/agreements/import/", each)
    [deadline] = stack.get("/api/v1/deadlines/?obligation_ref=RICH")["results"]
    evidence = {
        "agreement": "world",
        "ref": "E-1",
        "title": "E",
        "kind": "document",
        "stance": "for",
    }
    evidence_id = stack.post("/api/v1/evidence/", evidence)["id"]
    feed = stack.post("/api/v1/calendar-feeds/", {"name": "All"})
    [obligation] = stack.get("/api/v1/obligations/?q=W-1999")["results"]
    ids = stack.manage("shell", "-v0", "-c", _AGREEMENT_ID).stdout.split()
    return World(
        agreement=int(ids[-1]),
        obligation=obligation["id"],
        deadline=deadline["id"],
        evidence=evidence_id,
        feed=feed["url"].removeprefix(stack.environment.get("SITE_URL", stack.address)),
    )


_AGREEMENT_ID = """
from compliance.models import Agreement
print(Agreement.objects.get(ref="world").pk)
"""


def measured(
    stack: Stack,
    *,
    only: str = "",
    part: slice = slice(None),
    report: Callable[[str], None] = lambda _line: None,
) -> list[Cost]:
    """Send every request whose name contains `only`, as each role, and return what it cost.

    Args:
        part: which of the requests to send.
    """
    stack.start("web")
    world = fill(stack)
    roles = senders(stack)
    meter = Meter(stack=stack)
    found = []
    for bomb in list(bombs(world))[part]:
        for sender in roles if only in bomb.name else ():
            cost = _measure(meter, sender, bomb)
            report(cost.line())
            found.append(cost)
    return found


def _measure(meter: Meter, sender: Sender, bomb: Bomb) -> Cost:
    eventually(meter.stack.is_web_up, 60)
    peaks = meter.forget_peaks()
    web, database, begun = meter.web_seconds(), meter.database_seconds(), time.monotonic()
    status, detail = sender.send(bomb)
    elapsed = time.monotonic() - begun
    return Cost(
        name=bomb.name,
        role=sender.role,
        status=status,
        web_seconds=meter.web_seconds() - web,
        database_seconds=meter.database_seconds() - database,
        elapsed=elapsed,
        mebibytes=meter.growth(peaks),
        detail=detail,
        most_seconds=environment.import_seconds
        if bomb.path.startswith(IMPORT)
        else environment.request_seconds,
    )


def worst_first(costs: Iterable[Cost]) -> list[Cost]:
    """Return costs by their share of what is allowed, the largest first."""
    return sorted(costs, key=lambda each: each.share, reverse=True)


def main() -> int:
    """Send all requests, and print what they cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="send only requests whose names contain this")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="pacta-bombs-") as folder,
        stack_in(Path(folder), "smtp://127.0.0.1:9") as stack,
    ):
        print(HEADER)
        costs = measured(stack, only=options.only, report=lambda line: print(line, flush=True))
    print(f"\nThe worst of {len(costs)}:\n{HEADER}")
    for each in worst_first(costs)[:40]:
        print(each.line())
    return sum(not each.is_within_bounds for each in costs)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
