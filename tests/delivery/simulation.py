"""A script of three days, played many times, each time with a kill at a different step.

The script sets the clock. In each run one worker is killed at one of its steps, and others take its
place. The emails that the mail server accepted are compared with a list that was written by hand.
"""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from enum import Enum
from typing import Any

import psycopg
import time_machine
from django.db import connections

from compliance import tasks
from compliance.domain.agreements.drafts import AgreementDraft
from compliance.domain.alerts.drafts import SilenceDraft
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.models import Deadline, User
from compliance.operations.agreements import agreements
from compliance.operations.alerts import silences
from compliance.operations.deadlines import facts
from tests.delivery.conftest import Desk, Sink
from tests.delivery.killable_worker import KillTime, Worker

DESK, HEAD, DIGEST = "desk@example.org", "head@example.org", "digest@example.org"


def at(day: int, hour: int) -> datetime:
    """Return an hour in March 2026."""
    return datetime(2026, 3, day, hour, tzinfo=UTC)


NEVER = at(31, 23)


# --- What happens ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event of the script: a tick of a worker, or an action of a user."""

    at: datetime
    worker: str
    do: Callable[[], object]


def sweep(when: datetime) -> Event:
    """Return a tick of the sweep."""
    return Event(at=when, worker="sweep", do=tasks.sweep)


def deliver(when: datetime) -> Event:
    """Return a tick of delivery."""
    return Event(at=when, worker="delivery", do=tasks.deliver)


def record_fact(when: datetime, title: str, **fact: Any) -> Event:
    """Return an event at which a user records a fact about the deadline with this title."""

    def record() -> None:
        deadline = Deadline.objects.get(obligation__title=title)
        facts.record(deadline=deadline, draft=read(FactDraft, fact), by=None, as_of=when)

    return Event(at=when, worker="", do=record)


SCRIPT = [
    # Reminders of Ship and Extend, which are due on the 5th at noon.
    sweep(at(4, 9)),
    deliver(at(4, 9)),
    record_fact(at(4, 10), "Ship", type="performance", at="2026-03-04T10:00:00Z"),
    record_fact(
        at(4, 10),
        "Extend",
        type="extension",
        at="2026-03-04T10:00:00Z",
        due={"type": "date", "on": "2026-03-06", "time": "20:00", "timezone": "UTC"},
    ),
    # Pay, Waive, Excuse, Forget and Hush are due. The waiver precedes all emails.
    sweep(at(4, 12)),
    record_fact(at(4, 12), "Waive", type="waiver", at="2026-03-04T08:00:00Z"),
    deliver(at(4, 12)),
    record_fact(at(4, 13), "Pay", type="performance", at="2026-03-04T13:00:00Z"),
    record_fact(at(4, 13), "Excuse", type="waiver", at="2026-03-04T08:00:00Z"),
    # The silence about Hush ends, and the digest is due.
    sweep(at(4, 14)),
    deliver(at(4, 14)),
    # Forget is escalated; the desk is reminded of the new date of Extend.
    sweep(at(5, 14)),
    deliver(at(5, 14)),
    sweep(at(5, 18)),
    deliver(at(5, 18)),
    deliver(at(6, 14)),
]
# When the next workers run after a short outage: before and after the lease of the killed one ends.
NEXT_TICKS = (timedelta(seconds=1), timedelta(seconds=31))


def set_up() -> None:
    """Store two agreements, eight deadlines and three subscriptions."""
    desk = Desk()
    supply, cooling = desk.agreement("supply", "Supply"), desk.agreement("cooling", "Cooling")
    for agreement, notification_policy in (
        (supply, {"reminders": [], "escalations": [{"count": 1}]}),
        (cooling, {"reminders": [{"count": 1}], "escalations": []}),
    ):
        draft = {
            "ref": agreement.ref, "title": agreement.title, "kind": agreement.kind,
            "timezone": "Europe/Berlin", "parties": [{"code": "CHN"}, {"code": "USA"}],
            "notification_policy": notification_policy,
        }  # fmt: skip
        agreements.update(agreement=agreement, draft=read(AgreementDraft, draft), as_of=at(2, 9))
    noon = at(4, 12)
    pay = desk.deadline(supply, "Pay", noon)
    for title in ("Waive", "Excuse", "Forget"):
        desk.deadline(supply, title, noon)
    invoice = {
        "type": "trigger",
        "on": {"met": pay.obligation.ref},
        "then": {"type": "offset", "count": 60, "unit": "days"},
    }
    desk.deadline(supply, "Invoice", due=invoice)
    for title in ("Ship", "Extend"):
        desk.deadline(cooling, title, noon + timedelta(days=1))
    hush = desk.deadline(
        cooling, "Hush", noon, notification_policy={"reminders": [], "escalations": []}
    )
    desk.follow(DESK)
    desk.follow(HEAD, "supply", from_escalation=1)
    desk.follow(DIGEST, frequency="daily", digest_hour=14)
    silence = {
        "agreement": "cooling", "deadline": hush.pk, "until_at": "2026-03-04T14:00:00Z",
        "reason": "They are moving.",
    }  # fmt: skip
    user = User.objects.create_superuser("lee@example.org", "x")
    silences.create(draft=read(SilenceDraft, silence), by=user, as_of=at(2, 9))


# --- What is to be announced ----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ExpectedAlert:
    """An alert about a deadline, expected under one of these headings between two instants.

    If `after` is set, the alert is expected only after one with that heading. An optional alert is
    allowed, but not required.
    """

    to: tuple[str, ...]
    headings: tuple[str, ...]
    title: str
    since: datetime
    until: datetime = NEVER
    after: str = ""
    is_optional: bool = False


EXPECTED_ALERTS = [
    ExpectedAlert(to=(DESK,), headings=("Due",), title="Ship", since=at(4, 9), until=at(4, 10)),
    ExpectedAlert(to=(DESK,), headings=("Due",), title="Extend", since=at(4, 9), until=at(4, 10)),
    ExpectedAlert(to=(DESK,), headings=("Extended",), title="Extend", since=at(4, 10)),
    ExpectedAlert(to=(DIGEST,), headings=("Extended",), title="Extend", since=at(4, 14)),
    ExpectedAlert(to=(DESK,), headings=("Missed",), title="Pay", since=at(4, 12), until=at(4, 13)),
    ExpectedAlert(
        to=(DESK,), headings=("Missed",), title="Excuse", since=at(4, 12), until=at(4, 13)
    ),
    ExpectedAlert(to=(DESK,), headings=("Missed", "Still missed"), title="Forget", since=at(4, 12)),
    ExpectedAlert(
        to=(DIGEST,), headings=("Missed", "Still missed"), title="Forget", since=at(4, 14)
    ),
    ExpectedAlert(
        to=(DESK,), headings=("Met late", "Missed, then met late"), title="Pay", since=at(4, 13)
    ),
    ExpectedAlert(
        to=(DIGEST,), headings=("Met late", "Missed, then met late"), title="Pay", since=at(4, 14)
    ),
    ExpectedAlert(
        to=(DESK,),
        headings=("Not missed after all",),
        title="Excuse",
        since=at(4, 13),
        after="Missed",
    ),
    ExpectedAlert(to=(DESK,), headings=("Now due",), title="Invoice", since=at(4, 13)),
    ExpectedAlert(to=(DIGEST,), headings=("Now due",), title="Invoice", since=at(4, 14)),
    ExpectedAlert(to=(DESK,), headings=("Missed", "Still missed"), title="Hush", since=at(4, 14)),
    ExpectedAlert(to=(DIGEST,), headings=("Missed", "Still missed"), title="Hush", since=at(4, 14)),
    ExpectedAlert(to=(DESK, HEAD), headings=("Still missed",), title="Forget", since=at(5, 12)),
    ExpectedAlert(to=(DIGEST,), headings=("Still missed",), title="Forget", since=at(5, 14)),
    ExpectedAlert(to=(DESK,), headings=("Due",), title="Extend", since=at(5, 9), until=at(6, 20)),
    ExpectedAlert(
        to=(DIGEST,), headings=("Due",), title="Extend", since=at(5, 14), until=at(6, 20)
    ),
    # Recipients without an alert about the breach get one about the waiver.
    ExpectedAlert(
        to=(DESK,), headings=("Waived",), title="Waive", since=at(4, 12), is_optional=True
    ),
    ExpectedAlert(
        to=(DIGEST,), headings=("Waived",), title="Waive", since=at(4, 14), is_optional=True
    ),
    ExpectedAlert(
        to=(DESK,), headings=("Waived",), title="Excuse", since=at(4, 13), is_optional=True
    ),
    ExpectedAlert(
        to=(DIGEST,), headings=("Waived",), title="Excuse", since=at(4, 14), is_optional=True
    ),
]
TITLES = "|".join(sorted({expected.title for expected in EXPECTED_ALERTS} | {"Waive"}))


@dataclass(frozen=True, kw_only=True)
class Mail:
    """An email that the server accepted, with the heading and title of each of its alerts."""

    at: datetime
    to: str
    message_id: str
    alerts: tuple[tuple[str, str], ...]


@dataclass(kw_only=True)
class Verdict:
    """The errors of a run; `repeats` counts emails with the Message-ID of an earlier one."""

    lost: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    repeats: int = 0

    @property
    def is_good(self) -> bool:
        """Whether a run with one kill has no error."""
        return not (self.lost or self.false or self.doubled) and self.repeats <= 1


def judge(mails: Sequence[Mail], outage: tuple[datetime, datetime] | None = None) -> Verdict:
    """Compare emails with `EXPECTED_ALERTS`; those only during an outage may be missing."""
    verdict = Verdict(repeats=len(mails) - len({mail.message_id for mail in mails}))
    for mail in mails:
        if not mail.alerts:
            verdict.false.append(f"{mail.to} got no alert at {mail.at}")
        for heading, title in mail.alerts:
            if not any(_matches(expected, mail, heading, title) for expected in EXPECTED_ALERTS):
                verdict.false.append(f"{mail.to} got at {mail.at}: {heading}: {title}")
    # Like email clients: only the first email with a Message-ID is read.
    read_ones = list({mail.message_id: mail for mail in reversed(mails)}.values())
    for expected in EXPECTED_ALERTS:
        for recipient in expected.to:
            received = defaultdict(set)
            for mail in read_ones:
                for heading, title in mail.alerts:
                    if mail.to == recipient and _matches(expected, mail, heading, title):
                        received[heading].add(mail.message_id)
            verdict.doubled += [
                f"{recipient} got {len(ids)} times: {heading}: {expected.title}"
                for heading, ids in received.items()
                if len(ids) > 1
            ]
            is_required = not expected.is_optional and not (
                outage and outage[0] <= expected.since and expected.until <= outage[1]
            )
            if expected.after:
                is_required &= any(
                    mail.to == recipient and (expected.after, expected.title) in mail.alerts
                    for mail in read_ones
                )
            if is_required and not received:
                verdict.lost.append(
                    f"{recipient} did not get: {expected.headings[0]}: {expected.title}"
                )
    return verdict


def _matches(expected: ExpectedAlert, mail: Mail, heading: str, title: str) -> bool:
    return (
        mail.to in expected.to
        and title == expected.title
        and heading in expected.headings
        and expected.since <= mail.at < expected.until
    )


def parsed(when: datetime, recipient: str, message: EmailMessage) -> Mail:
    """Return the alerts in an email, one for every deadline that it names."""
    assert str(message["To"]) == recipient
    body = message.get_body(("plain",))
    assert body is not None
    lines = re.findall(rf"^(.+): ({TITLES})\r?$", body.get_content(), re.MULTILINE)
    return Mail(
        at=when,
        to=recipient,
        message_id=str(message["Message-ID"]).strip(),
        alerts=tuple((re.sub(r"^Due in .*", "Due", heading), title) for heading, title in lines),
    )


# --- The simulation -------------------------------------------------------------------------


class Snapshots:
    """Copies of the database before each event, restored over a separate connection."""

    def __init__(self) -> None:
        connection = connections["default"]
        connection.ensure_connection()
        self._database = psycopg.connect(connection.connection.info.dsn, autocommit=True)
        found = self._database.execute(
            "SELECT format('%I', relname) FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND relname LIKE 'compliance\\_%'"
        )
        self._tables = [table for (table,) in found]
        # Without generated columns, which cannot be written.
        stored = self._database.execute(
            "SELECT format('%I', table_name), array_agg(format('%I', column_name)::text)"
            " FROM information_schema.columns"
            " WHERE table_schema = 'public' AND is_generated = 'NEVER' GROUP BY table_name"
        )
        self._columns: dict[str, list[str]] = dict(stored.fetchall())
        # Without triggers, which forbid to alter append-only rows.
        self._run("DROP SCHEMA IF EXISTS snapshot CASCADE")
        self._run("CREATE SCHEMA snapshot", "SET session_replication_role = replica")
        self._run(
            *(
                f"CREATE UNLOGGED TABLE snapshot.{table} AS"
                f" SELECT 0 AS event, t AS held FROM public.{table} AS t WITH NO DATA"
                for table in self._tables
            )
        )

    def take(self, event: int) -> None:
        """Copy the database before an event."""
        self._run(
            *(
                f"INSERT INTO snapshot.{table} SELECT {event}, t FROM public.{table} AS t"
                for table in self._tables
            )
        )

    def go_back(self, event: int) -> None:
        """Restore the database to its state before an event."""
        self._run(
            *(f"DELETE FROM public.{table}" for table in self._tables),
            *(
                f"INSERT INTO public.{table} ({', '.join(self._columns[table])})"
                f" SELECT {', '.join(f'(held).{each}' for each in self._columns[table])}"
                f" FROM snapshot.{table} WHERE event = {event}"
                for table in self._tables
            ),
        )

    def drop_unchanged_tables(self) -> None:
        """Restrict the copies to tables that have changed since the first event."""
        self._tables = [table for table in self._tables if self._has_changed(table)]

    def _has_changed(self, table: str) -> bool:
        row = self._database.execute(
            f"SELECT (SELECT array_agg(t::text ORDER BY t::text) FROM public.{table} AS t)"
            " IS DISTINCT FROM (SELECT array_agg(held::text ORDER BY held::text)"
            f" FROM snapshot.{table} WHERE event = 0)"
        ).fetchone()
        assert row is not None
        return bool(row[0])

    def state(self) -> tuple[str, list[str]]:
        """Return everything that later events depend on, and the Message-IDs of all messages."""
        [state] = self._database.execute(_STATE).fetchone() or ("",)
        messages = self._database.execute(
            "SELECT message_id FROM compliance_message ORDER BY id"
        ).fetchall()
        return state, [message_id for (message_id,) in messages]

    def delete(self) -> None:
        """Delete all copies."""
        self._run("DROP SCHEMA snapshot CASCADE")
        self._database.close()

    def _run(self, *statements: str) -> None:
        self._database.execute("; ".join(statements))


# Every row that sweep or delivery reads, renumbered, because rollbacks use up numbers.
_STATE = """
    WITH state (line) AS (
        SELECT to_jsonb(t) - '{id,ledger_head,facts_head,trace,moves}'::text[]
        FROM compliance_deadline AS t
        UNION ALL
        SELECT to_jsonb(t) - '{id,hash,fact_id}'::text[] FROM compliance_ledgerentry AS t
        UNION ALL
        SELECT to_jsonb(t) - 'id' FROM compliance_breach AS t
        UNION ALL
        SELECT to_jsonb(t) FROM compliance_silence AS t
        UNION ALL
        SELECT to_jsonb(t) FROM compliance_subscription AS t
        UNION ALL
        SELECT to_jsonb(t) - 'message_id'
            || jsonb_build_object('id', row_number() OVER (ORDER BY t.id))
        FROM compliance_message AS t
        UNION ALL
        SELECT to_jsonb(t) || jsonb_build_object(
            'id', row_number() OVER (ORDER BY t.id),
            'message_id', (SELECT count(*) FROM compliance_message WHERE id <= t.message_id))
        FROM compliance_alert AS t
    )
    SELECT string_agg(line::text, E'\\n' ORDER BY line::text) FROM state
"""


class Outage(Enum):
    """How long it takes until a killed worker is replaced."""

    SHORT = "replaced immediately"
    LONG = "replaced at the next hour with an event"


@dataclass(frozen=True, kw_only=True)
class Kill:
    """The step at which a worker was killed."""

    event: Event
    step: int
    name: str
    kill_time: KillTime

    def __str__(self) -> str:
        return (
            f"{self.event.worker} of {self.event.at:%d March %H:%M} killed {self.kill_time.value} "
            f"its step {self.step} ({self.name[:100]})"
        )


class Simulation:
    """The script, played many times on real servers.

    A worker that is killed within a transaction leaves the same state at any of its statements. So
    it is killed at every step, but the rest of the script is played only once for each state in
    which a kill leaves the database and the mail server, and each `Outage`.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._snapshots = Snapshots()
        # The number of emails before each event of the run without kills, and all its emails.
        self._before: list[int] = []
        self._mails: list[Mail] = []
        self._known: dict[Any, Verdict] = {}

    @property
    def states(self) -> int:
        """The number of different states that the kills so far have left."""
        return len({state for state, _outage in self._known})

    def play_without_kills(self) -> list[Mail]:
        """Play the script without kills, and copy the database before each event."""
        with time_machine.travel(at(2, 9), tick=False):
            set_up()
        for number, event in enumerate(SCRIPT):
            self._snapshots.take(number)
            self._before.append(len(self._mails))
            self._mails += self._play(event)
        self._snapshots.drop_unchanged_tables()
        return self._mails

    def play_traced(self) -> Iterator[tuple[list[str], str]]:
        """Yield the steps of each worker that is not killed, with the trace of libpq."""
        for number, event in enumerate(SCRIPT):
            if event.worker:
                with tempfile.TemporaryFile() as trace:
                    self._snapshots.go_back(number)
                    worker = Worker(trace=trace)
                    self._play(event, worker)
                    trace.seek(0)
                    yield worker.steps, trace.read().decode(errors="replace")

    def kills(
        self, is_of_interest: Callable[[Event], bool] = lambda event: True
    ) -> Iterator[tuple[Kill, dict[Outage, Verdict]]]:
        """Kill each worker at each of its steps, and judge the outcome."""
        for number, event in enumerate(SCRIPT):
            if event.worker and is_of_interest(event):
                for kill_time in KillTime:
                    step = 0
                    while outcome := self._judge_kill(number, step, kill_time):
                        yield outcome
                        step += 1

    def end(self) -> None:
        """Restore the database connection for other tests."""
        connections["default"].close()
        self._snapshots.delete()

    def _judge_kill(
        self, number: int, step: int, kill_time: KillTime
    ) -> tuple[Kill, dict[Outage, Verdict]] | None:
        worker, mails = self._kill(number, step, kill_time)
        if not worker.is_dead:
            return None
        stored, message_ids = self._snapshots.state()
        accepted = [
            (mail.to, mail.alerts, [mail.message_id == each for each in message_ids])
            for mail in mails
        ]
        state = (number, stored, repr(accepted))
        is_unchanged = True
        verdicts = {}
        for outage in Outage:
            if (state, outage) not in self._known:
                if not is_unchanged:
                    _, mails = self._kill(number, step, kill_time)
                self._known[state, outage] = self._continue(number, mails, outage)
                is_unchanged = False
            verdicts[outage] = self._known[state, outage]
        kill = Kill(event=SCRIPT[number], step=step, name=worker.steps[-1], kill_time=kill_time)
        return kill, verdicts

    def _kill(self, number: int, step: int, kill_time: KillTime) -> tuple[Worker, list[Mail]]:
        """Kill the worker of an event; return it and the emails accepted until then."""
        self._snapshots.go_back(number)
        worker = Worker(dies_at=step, kill_time=kill_time)
        return worker, self._play(SCRIPT[number], worker)

    def _continue(self, number: int, mails: list[Mail], outage: Outage) -> Verdict:
        """Play the rest of the script after a kill, and judge the whole run."""
        event = SCRIPT[number]
        rest = SCRIPT[number + 1 :]
        same = [each for each in rest if each.at == event.at]
        later = rest[len(same) :]
        back_at = next((each.at for each in later if each.worker == event.worker), event.at)
        if outage is Outage.SHORT:
            soon, back_at = (event.at + pause for pause in NEXT_TICKS)
            again = sweep(soon) if event.worker == "sweep" else deliver(soon)
            same += [again, deliver(back_at)]
        all_mails = self._mails[: self._before[number]] + mails
        for each in same + later:
            all_mails += self._play(each)
        return judge(all_mails, (event.at, back_at))

    def _play(self, event: Event, worker: Worker | None = None) -> list[Mail]:
        count = len(self._sink.received)
        with time_machine.travel(event.at, tick=False):
            if worker is None:
                event.do()
            else:
                worker.work(event.do)
        return [
            parsed(event.at, recipient, message)
            for recipient, message in zip(
                self._sink.recipients[count:], self._sink.received[count:], strict=True
            )
        ]
