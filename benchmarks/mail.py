"""Measure how fast emails are sent, compared with smtplib on one connection.

`python -m benchmarks.mail [MESSAGES] [ROUNDS]` fills a new database with agreements of one missed
deadline each, so that every deadline is an email of its own. Our figure covers the whole path:
form, claim, load, render, send and record, with one worker process and with two, which tick as in
production. The floor sends the same emails, already built, with smtplib over one connection to the
same mail server, which runs in a process of its own.

Each round measures all three in turn, and the workers live through all rounds, as in production.
The first round warms them up and does not count. The ratios compare the medians.
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from typing import Any

from benchmarks import execute, expect, throwaway_database

DUE_AT = datetime(2026, 2, 1, tzinfo=UTC)
READER = "reader@example.org"
WORKERS = (1, 2)

_spawn = multiprocessing.get_context("spawn")


def main(messages: int, rounds: int) -> None:
    """Fill the database, measure, and print; everything is deleted at the end."""
    with throwaway_database():
        logging.disable(logging.INFO)
        print(f"{messages:,} messages of one alert each, {rounds} rounds", flush=True)
        numbers = itertools.count()
        figures: dict[int, list[float]] = {count: [] for count in (0, *WORKERS)}
        with _sink() as port, ExitStack() as stack:
            deliver = {
                count: stack.enter_context(_workers(count, messages, port)) for count in WORKERS
            }
            for number in range(rounds + 1):
                for count in WORKERS:
                    _fill(next(numbers) * messages, messages)
                    figures[count].append(messages / deliver[count]())
                figures[0].append(messages / _raw(port, _mails(messages)))
                if number == 0:
                    figures = {count: [] for count in figures}
                else:
                    _print("", {count: each[-1] for count, each in figures.items()})
        medians = {count: statistics.median(each) for count, each in figures.items()}
        _print("median: ", medians)
        for count in WORKERS:
            print(f"ratio with {count} worker(s): {medians[count] / medians[0]:.2f}")


def _print(label: str, figures: dict[int, float]) -> None:
    ours = "   ".join(f"{count} worker(s) {figures[count]:6.0f}/s" for count in WORKERS)
    print(f"{label}{ours}   smtplib {figures[0]:6.0f}/s", flush=True)


def _fill(first: int, count: int) -> None:
    from django.db import connection, transaction

    from benchmarks.sweep import store
    from compliance.operations.deadlines import sweep

    with transaction.atomic(), connection.cursor() as cursor:
        # `store` starts a new agreement with every ten thousand.
        for number in range(first, first + count):
            store(cursor, number * 10_000, 1, DUE_AT)
    execute("TRUNCATE compliance_subscription CASCADE")
    execute(
        "INSERT INTO compliance_subscription (email, is_active) VALUES (%(email)s, TRUE)",
        {"email": READER},
    )
    sweep.run(as_of=DUE_AT)
    execute("VACUUM ANALYZE")


@contextmanager
def _workers(count: int, messages: int, port: int) -> Iterator[Callable[[], float]]:
    """Run workers, and give a function that has them send all messages and returns the seconds."""
    # All begin and end a round together.
    barrier = _spawn.Barrier(count + 1)
    total = _spawn.Value("i", 0)
    processes = [
        _spawn.Process(target=_work, args=(barrier, total, messages, port), daemon=True)
        for _ in range(count)
    ]

    def deliver() -> float:
        total.value = 0
        barrier.wait()
        begun = time.perf_counter()
        barrier.wait()
        taken = time.perf_counter() - begun
        expect(total.value, messages, "messages sent")
        return taken

    for process in processes:
        process.start()
    try:
        yield deliver
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _work(barrier: Barrier, total: Any, messages: int, port: int) -> None:
    import django

    django.setup()
    from django.conf import settings

    from compliance import delivery

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    logging.disable(logging.INFO)
    while True:
        barrier.wait()
        while total.value < messages:
            sent = delivery.deliver(as_of=DUE_AT).sent
            with total.get_lock():
                total.value += sent
            # In production the next tick comes after two seconds.
            time.sleep(0.02)
        barrier.wait()


def _mails(count: int) -> list[bytes]:
    """Return the emails of the last round, as they were sent."""
    from compliance.delivery import messages, rendering
    from compliance.models import Message

    ids = list(Message.objects.order_by("-id").values_list("id", flat=True)[:count])
    made = []
    for place in range(0, len(ids), 200):
        batch = messages.load(ids[place : place + 200], as_of=DUE_AT)
        for message_id in batch.messages:
            mail: Any = rendering.render_mail(batch.contents(message_id)).message()
            made.append(mail.as_bytes(linesep="\r\n"))
    expect(len(made), count, "messages loaded")
    return made


def _raw(port: int, mails: list[bytes]) -> float:
    begun = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as server:
        for mail in mails:
            server.sendmail("pacta@localhost", [READER], mail)
    return time.perf_counter() - begun


@contextmanager
def _sink() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = _spawn.Process(target=_serve, args=(port,), daemon=True)
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


class _Receiver:
    # The name is the one that aiosmtpd calls.
    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        return "250 OK"


def _serve(port: int) -> None:
    from aiosmtpd.controller import Controller

    Controller(_Receiver(), hostname="127.0.0.1", port=port).start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[1:]]
    main(*(arguments + [500, 12][len(arguments) :]))
