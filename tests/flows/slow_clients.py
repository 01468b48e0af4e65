"""Slow clients: a thousand half-open connections, and how fast `/healthz` answers meanwhile.

`python -m tests.flows.slow_clients [--clients N] [--seconds N]` starts the web processes as
`make run` and the container do, with their own configuration. Every client that is cut off comes
back at once, so that there are always as many.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.flows.conftest import Stack, stack_in

# What clients send at first, and what they add every second.
KINDS = {
    "nothing": (b"", b""),
    "half of the headers": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ", b""),
    "headers that drip": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"x"),
    "half of a body": (
        b"POST /api/v1/facts/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{", b"",
    ),
    "a body that drips": (
        b"POST /api/v1/facts/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{", b" ",
    ),
}  # fmt: skip
# How long a client waits before it connects again, or sends more, in seconds.
_PAUSE = 1.0


@dataclass(kw_only=True)
class Found:
    """How often the page was requested, how long each response took, and what clients did."""

    seconds: list[float] = field(default_factory=list)
    failures: int = 0
    connected: Counter[str] = field(default_factory=Counter)
    cut_off: Counter[str] = field(default_factory=Counter)
    fewest: int = 0

    @property
    def slowest(self) -> float:
        """The longest time that a response took."""
        return max(self.seconds, default=float("inf"))

    def __str__(self) -> str:
        cut = ", ".join(f"{kind}: {count}" for kind, count in sorted(self.cut_off.items()))
        return (
            f"{len(self.seconds)} responses, the slowest after {self.slowest:.2f} s; "
            f"{self.failures} without one; at least {self.fewest} clients at any time; "
            f"cut off {sum(self.cut_off.values())} times ({cut})"
        )


def run(stack: Stack, *, clients: int, seconds: float) -> Found:
    """Keep this many clients connected, and request `/healthz` four times per second."""
    found = Found()
    crowd = threading.Thread(
        target=lambda: asyncio.run(_crowd(stack.port, clients, seconds, found))
    )
    crowd.start()
    ends_at = time.monotonic() + seconds
    while sum(found.connected.values()) < clients and time.monotonic() < ends_at:
        time.sleep(0.05)
    found.fewest = clients
    while time.monotonic() < ends_at:
        began = time.monotonic()
        if stack.is_web_up():
            found.seconds.append(time.monotonic() - began)
        else:
            found.failures += 1
        found.fewest = min(found.fewest, sum(found.connected.values()))
        time.sleep(max(0.0, 0.25 - (time.monotonic() - began)))
    crowd.join()
    return found


async def _crowd(port: int, clients: int, seconds: float, found: Found) -> None:
    kinds = list(KINDS)
    ends_at = time.monotonic() + seconds
    await asyncio.gather(
        *(_client(port, kinds[number % len(kinds)], ends_at, found) for number in range(clients))
    )


async def _client(port: int, kind: str, ends_at: float, found: Found) -> None:
    begin, more = KINDS[kind]
    while time.monotonic() < ends_at:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(_PAUSE)
            continue
        found.connected[kind] += 1
        with suppress(OSError):
            writer.write(begin)
            while time.monotonic() < ends_at and not await _is_cut_off(reader):
                writer.write(more)
        found.connected[kind] -= 1
        found.cut_off[kind] += time.monotonic() < ends_at
        writer.close()


async def _is_cut_off(reader: asyncio.StreamReader) -> bool:
    try:
        return not await asyncio.wait_for(reader.read(100), _PAUSE)
    except TimeoutError:
        return False


def main() -> int:
    """Run with the given numbers, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="pacta-slow-") as folder,
        stack_in(Path(folder), "smtp://127.0.0.1:9") as stack,
    ):
        stack.start("web")
        found = run(stack, clients=options.clients, seconds=options.seconds)
    print(found)
    return int(found.failures > 0 or found.slowest > 1)


if __name__ == "__main__":
    sys.exit(main())
