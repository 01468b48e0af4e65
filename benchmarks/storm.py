"""How long a storm takes: ten thousand deadlines missed in one instant, and everybody told.

`python -m benchmarks.storm [DEADLINES] [RECIPIENTS] [AGREEMENTS]` starts Pacta's own processes
with their default settings over a database of its own (10,000 deadlines, 50 recipients who follow
everything, one agreement), lets all deadlines pass at one instant, and prints how many messages
the mail server took and when it took the last. It ends with an error if an agreement came in
parts, if a recipient or a deadline is missing, or if it took longer than a minute.
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
# Tests tick faster.
AS_BY_DEFAULT = {"SWEEP_SECONDS": "5", "DELIVERY_SECONDS": "2"}
# From storing the deadlines to the instant, so that every process is up and idle by then.
AHEAD = timedelta(seconds=12)
_COUNTED = re.compile(r"^([\d,]+) missed: (Agreement \d+)$")
_LISTED = re.compile(r"^Missed: Obligation \d+$", re.MULTILINE)
_OMITTED = re.compile(r"^And (\d+) more: ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What one mail tells: how many deadlines of which agreement, and how many of them it lists."""

    recipient: str
    agreement: str
    total: int
    listed: int
    omitted: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Storm:
    """What became of a storm. `seconds` are those from the instant to the last mail."""

    told: list[Told]
    seconds: float


def run(
    stack: Stack, sink: MailSink, *, deadlines: int, recipients: int, agreements: int, patience: int
) -> Storm:
    """Let deadlines pass on a stack that is not started yet; what was told by when.

    Waits until everything is told, and `patience` seconds from the instant at most.
    """
    stack.start("web", "beat", "sweep", "delivery")
    due_at = _store(stack, deadlines // agreements, agreements, recipients)
    until = due_at + timedelta(seconds=patience)
    while datetime.now(UTC) < until and _missing(stack, deadlines * recipients):
        time.sleep(0.2)
    received = list(sink.received)
    last = max((each.at for each in received), default=until)
    return Storm(
        told=[
            _read(recipient, str(each.message["Subject"]), each.text)
            for each in received
            for recipient in each.recipients
        ],
        seconds=(last - due_at).total_seconds(),
    )


def problems(storm: Storm, *, deadlines: int, recipients: int, agreements: int) -> list[str]:
    """What is not as it should be: one mail for each recipient and agreement, each telling all."""
    found = []
    expected = {
        (f"reader{number}@example.org", f"Agreement {agreement}")
        for number in range(recipients)
        for agreement in range(agreements)
    }
    count = Counter((each.recipient, each.agreement) for each in storm.told)
    found += [f"not told: {who} of {what}" for who, what in sorted(expected - count.keys())]
    found += [f"{many} mails to {key}" for key, many in count.items() if many > 1]
    found += [f"told, but follows nothing: {key}" for key in sorted(count.keys() - expected)]
    found += [
        f"not the whole: {each}"
        for each in storm.told
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
        # `store` begins an agreement with every ten thousand.
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


def _read(recipient: str, subject: str, text: str) -> Told:
    counted = _COUNTED.match(subject)
    omitted = _OMITTED.search(text)
    return Told(
        recipient=recipient,
        agreement=counted[2] if counted else subject,
        total=int(counted[1].replace(",", "")) if counted else 1,
        listed=len(_LISTED.findall(text)),
        omitted=int(omitted[1]) if omitted else 0,
    )


def main(deadlines: int, recipients: int, agreements: int) -> None:
    """Play one storm and print what came of it; everything is thrown away at the end."""
    sink = MailSink()
    sink.start()
    size = {"deadlines": deadlines, "recipients": recipients, "agreements": agreements}
    try:
        with (
            tempfile.TemporaryDirectory(prefix="pacta-storm-") as folder,
            stack_in(Path(folder), sink.url, is_durable=True, **AS_BY_DEFAULT) as stack,
        ):
            storm = run(stack, sink, **size, patience=5 * WITHIN_SECONDS)
            runs, formed = _moments(stack)
    finally:
        sink.stop()
    told = len({(each.recipient, each.agreement) for each in storm.told})
    print(
        f"{deadlines:,} deadlines in one instant, {recipients} recipients, {agreements} agreements"
    )
    print(
        f"messages {len(storm.told):,}, which is {len(storm.told) / agreements:,.1f} an agreement"
    )
    print(f"recipients and agreements told {told:,}")
    print(f"swept by {runs:.1f} s, formed by {formed:.1f} s, last OK at {storm.seconds:.1f} s")
    wrong = problems(storm, **size)
    if storm.seconds > WITHIN_SECONDS:
        wrong.append(f"it took longer than {WITHIN_SECONDS} s")
    if wrong:
        raise SystemExit("\n".join(wrong[:20]))


def _moments(stack: Stack) -> tuple[float, float]:
    """When the sweep was over and when the messages were there, from the instant."""
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
