"""Measure how long it takes to notify everyone of ten thousand deadlines missed at one instant.

`python -m benchmarks.storm [DEADLINES] [RECIPIENTS] [AGREEMENTS]` starts the processes of Pacta
with their default settings and a temporary database (10,000 deadlines, 50 recipients who follow
everything, one agreement). All deadlines pass at the same instant. The benchmark prints how many
messages the mail server accepted and when it accepted the last one. It ends with an error if an
agreement was split into several messages, if a recipient or a deadline is missing, or if it took
longer than a minute.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from benchmarks.sweep import store
from tests.flows.conftest import MailSink, Stack, stack_in

WITHIN_SECONDS = 60
# The defaults; tests tick faster.
DEFAULT_INTERVALS = {"SWEEP_SECONDS": "5", "DELIVERY_SECONDS": "2"}
# The time between storing the deadlines and their due instant. All processes are idle by then.
AHEAD = timedelta(seconds=12)
_COUNTED = re.compile(r"^([\d,]+) missed: (Agreement \d+)$")
_LISTED = re.compile(r"^Missed: Obligation \d+$", re.MULTILINE)
_OMITTED = re.compile(r"^And (\d+) more: ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedMail:
    """The number of missed deadlines that one mail reports, and how many of them it lists."""

    recipient: str
    agreement: str
    total: int
    listed: int
    omitted: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Storm:
    """The mails of a storm, and the `seconds` from the due instant to the last mail."""

    mails: list[ReceivedMail]
    seconds: float


def run(
    stack: Stack, sink: MailSink, *, deadlines: int, recipients: int, agreements: int, patience: int
) -> Storm:
    """Start the processes, let all deadlines pass, and return the mails that were received.

    Waits until every mail has been sent, but at most `patience` seconds after the due instant.
    """
    stack.start("web", "beat", "sweep", "delivery")
    due_at = _store(stack, deadlines // agreements, agreements, recipients)
    until = due_at + timedelta(seconds=patience)
    while datetime.now(UTC) < until and _missing(stack, deadlines * recipients):
        time.sleep(0.2)
    received = list(sink.received)
    last = max((each.at for each in received), default=until)
    return Storm(
        mails=[
            _read(recipient, str(each.message["Subject"]), each.text)
            for each in received
            for recipient in each.recipients
        ],
        seconds=(last - due_at).total_seconds(),
    )


def problems(storm: Storm, *, deadlines: int, recipients: int, agreements: int) -> list[str]:
    """Return what is wrong. Each recipient must get one complete mail per agreement."""
    found = []
    expected = {
        (f"reader{number}@example.org", f"Agreement {agreement}")
        for number in range(recipients)
        for agreement in range(agreements)
    }
    count = Counter((each.recipient, each.agreement) for each in storm.mails)
    found += [f"no mail to {who} about {what}" for who, what in sorted(expected - count.keys())]
    found += [f"{many} mails to {key}" for key, many in count.items() if many > 1]
    found += [f"unexpected mail: {key}" for key in sorted(count.keys() - expected)]
    found += [
        f"incomplete mail: {each}"
        for each in storm.mails
        if not each.total == each.listed + each.omitted == deadlines // agreements
    ]
    return found


def _store(stack: Stack, each: int, agreements: int, recipients: int) -> datetime:
    with (
        psycopg.connect(stack.postgres.url, cursor_factory=psycopg.ClientCursor) as database,
        database.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM compliance_subscription")
        cursor.execute(
            """
            INSERT INTO compliance_subscription (email, is_active)
            SELECT 'reader' || number || '@example.org', true
            FROM generate_series(0, %s - 1) AS number
            """,
            [recipients],
        )
        due_at = datetime.now(UTC).replace(microsecond=0) + AHEAD
        # `store` starts a new agreement with every ten thousand.
        for number in range(agreements):
            store(cursor, number * 10_000, each, due_at)
        cursor.execute("ANALYZE")
    return due_at


def _missing(stack: Stack, alerts: int) -> bool:
    with psycopg.connect(stack.postgres.url) as database:
        row = database.execute(
            "SELECT (SELECT coalesce(sum((counts->>'breaches')::integer), 0)"
            " * (SELECT count(*) FROM compliance_subscription)"
            " FROM compliance_jobrun WHERE kind = 'sweep' AND ended_at IS NOT NULL),"
            " EXISTS (SELECT FROM compliance_alert"
            " WHERE message_id IS NULL AND withdrawn_at IS NULL),"
            " EXISTS (SELECT FROM compliance_message WHERE state = 'waiting')"
        ).fetchone()
    return row != (alerts, False, False)


def _read(recipient: str, subject: str, text: str) -> ReceivedMail:
    counted = _COUNTED.match(subject)
    omitted = _OMITTED.search(text)
    return ReceivedMail(
        recipient=recipient,
        agreement=counted[2] if counted else subject,
        total=int(counted[1].replace(",", "")) if counted else 1,
        listed=len(_LISTED.findall(text)),
        omitted=int(omitted[1]) if omitted else 0,
    )


def main(deadlines: int, recipients: int, agreements: int) -> None:
    """Run one storm and print the results."""
    sink = MailSink()
    sink.start()
    size = {"deadlines": deadlines, "recipients": recipients, "agreements": agreements}
    try:
        with (
            tempfile.TemporaryDirectory(prefix="pacta-storm-") as folder,
            stack_in(Path(folder), sink.url, is_durable=True, **DEFAULT_INTERVALS) as stack,
        ):
            storm = run(stack, sink, **size, patience=5 * WITHIN_SECONDS)
            swept, formed = _phases(stack)
    finally:
        sink.stop()
    pairs = len({(each.recipient, each.agreement) for each in storm.mails})
    print(
        f"{deadlines:,} deadlines at one instant, {recipients} recipients, {agreements} agreements"
    )
    print(f"messages {len(storm.mails):,}, or {len(storm.mails) / agreements:,.1f} per agreement")
    print(f"pairs of recipient and agreement {pairs:,}")
    print(f"swept by {swept:.1f} s, formed by {formed:.1f} s, last OK at {storm.seconds:.1f} s")
    wrong = problems(storm, **size)
    if storm.seconds > WITHIN_SECONDS:
        wrong.append(f"it took longer than {WITHIN_SECONDS} s")
    if wrong:
        raise SystemExit("\n".join(wrong[:20]))


def _phases(stack: Stack) -> tuple[float, float]:
    """Return when the sweep ended and when the messages were formed, after the due instant."""
    with psycopg.connect(stack.postgres.url) as database:
        row = database.execute(
            "SELECT extract(epoch FROM (SELECT max(ended_at) FROM compliance_jobrun"
            " WHERE kind = 'sweep' AND (counts->>'breaches')::integer > 0) - due_at)::float,"
            " extract(epoch FROM (SELECT min(started_at) FROM compliance_deliveryattempt)"
            " - due_at)::float FROM compliance_deadline LIMIT 1"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[1:]]
    main(*(arguments + [10_000, 50, 1][len(arguments) :]))
