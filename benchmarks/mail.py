"""How fast mails go out, beside smtplib with the same mails already built, on one connection.

`python -m benchmarks.mail [MESSAGES] [ROUNDS]` fills a database of its own with agreements of one
missed deadline each, so that each is a mail of its own. Ours is the whole path: form, claim, read,
render, send, record. The floor hands the very mails that came out, as bytes, to the same sink, a
mail server in a process of its own.

Once with a server that takes the commands of an envelope all at once (PIPELINING, RFC 2920), as
Postfix, Exim and Exchange do, and once with one that takes them one by one. smtplib always says
them one by one. Each figure is a round; the ratio is that of the medians.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import smtplib
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from benchmarks import execute, expect, throwaway_database

DUE_AT = datetime(2026, 2, 1, tzinfo=UTC)
READER = "reader@example.org"


def main(messages: int, rounds: int) -> None:
    """Fill, measure, print; everything is thrown away at the end."""
    with throwaway_database():
        from django.conf import settings

        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST = "127.0.0.1"
        logging.disable(logging.INFO)
        print(f"{messages:,} messages of one alert each, {rounds} rounds", flush=True)
        numbers = itertools.count()
        for is_pipelining in (True, False):
            print("commands all at once" if is_pipelining else "commands one by one", flush=True)
            with _sink(is_pipelining) as settings.EMAIL_PORT:
                _measure(messages, [next(numbers) for _ in range(rounds)])


def _measure(messages: int, numbers: list[int]) -> None:
    from django.conf import settings

    ours, floor = [], []
    for number in numbers:
        _fill(number * messages, messages)
        ours.append(messages / _deliver(messages))
        floor.append(messages / _raw(settings.EMAIL_PORT, _mails(messages)))
        print(f"ours {ours[-1]:8.0f}/s   smtplib {floor[-1]:8.0f}/s", flush=True)
    ratio = statistics.median(ours) / statistics.median(floor)
    print(f"median: ours {statistics.median(ours):.0f}/s, ratio {ratio:.2f}", flush=True)


def _fill(first: int, count: int) -> None:
    from django.db import connection, transaction

    from benchmarks.sweep import store
    from compliance.operations.deadlines import sweep

    with transaction.atomic(), connection.cursor() as cursor:
        # `store` begins an agreement with every ten thousand.
        for number in range(first, first + count):
            store(cursor, number * 10_000, 1, DUE_AT)
    execute("TRUNCATE compliance_subscription CASCADE")
    execute(
        "INSERT INTO compliance_subscription (email, is_active) VALUES (%(email)s, TRUE)",
        {"email": READER},
    )
    sweep.run(as_of=DUE_AT)
    execute("VACUUM ANALYZE")


def _deliver(messages: int) -> float:
    from compliance import delivery

    begun = time.perf_counter()
    report = delivery.deliver(as_of=DUE_AT)
    taken = time.perf_counter() - begun
    expect(report.sent, messages, "messages sent")
    return taken


def _mails(count: int) -> list[bytes]:
    """The mails of the round, as they went out."""
    from compliance.delivery import contents, letters
    from compliance.models import Message

    ids = list(Message.objects.order_by("-id").values_list("id", flat=True)[:count])
    told: dict[int, Any] = {}
    for place in range(0, len(ids), 200):
        told |= contents.read(ids[place : place + 200], as_of=DUE_AT)
    expect(len(told), count, "messages read")
    return [letters.letter(each).lines for each in told.values()]


def _raw(port: int, mails: list[bytes]) -> float:
    begun = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as server:
        for mail in mails:
            server.sendmail("pacta@localhost", [READER], mail)
    return time.perf_counter() - begun


@contextmanager
def _sink(is_pipelining: bool) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_serve, args=(port, is_pipelining), daemon=True)
    process.start()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    try:
        yield port
    finally:
        process.terminate()
        process.join()


class _Taker:
    def __init__(self, is_pipelining: bool) -> None:
        self._is_pipelining = is_pipelining

    # The names are those that aiosmtpd calls.
    async def handle_EHLO(  # noqa: N802
        self,
        _server: Any,
        session: Any,
        _envelope: Any,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *["250-PIPELINING"] * self._is_pipelining, responses[-1]]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        return "250 OK"


def _serve(port: int, is_pipelining: bool) -> None:
    from aiosmtpd.controller import Controller

    controller = Controller(_Taker(is_pipelining), hostname="127.0.0.1", port=port)
    controller.start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[1:]]
    main(*(arguments + [500, 12][len(arguments) :]))
