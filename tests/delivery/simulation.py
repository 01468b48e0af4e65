"""A script of what happens in three days, played over and over, each time with another death in it.

The clock is set by the script. In each run one worker is killed at one of its steps, and others
take its place. What the mail server took is judged by what is written down here by hand.
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
from tests.delivery.mortal import PointInTime, Worker

DESK, HEAD, DIGEST = "desk@example.org", "head@example.org", "digest@example.org"


def at(day: int, hour: int) -> datetime:
    """An hour of March 2026."""
    return datetime(2026, 3, day, hour, tzinfo=UTC)


NEVER = at(31, 23)


# --- What happens ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something that happens at an instant: a tick of a worker, or what people do."""

    at: datetime
    worker: str
    do: Callable[[], object]


def sweep(when: datetime) -> Act:
    """A tick of the sweep."""
    return Act(at=when, worker="sweep", do=tasks.sweep)


def deliver(when: datetime) -> Act:
    """A tick of delivery."""
    return Act(at=when, worker="delivery", do=tasks.deliver)


def people(when: datetime, title: str, **fact: Any) -> Act:
    """Somebody records a fact about the deadline of that title."""

    def record() -> None:
        deadline = Deadline.objects.get(obligation__title=title)
        facts.record(deadline=deadline, draft=read(FactDraft, fact), by=None, as_of=when)

    return Act(at=when, worker="", do=record)


SCRIPT = [
    # Reminders of Ship and Extend, which are due on the 5th at noon.
    sweep(at(4, 9)),
    deliver(at(4, 9)),
    people(at(4, 10), "Ship", type="performance", at="2026-03-04T10:00:00Z"),
    people(
        at(4, 10),
        "Extend",
        type="extension",
        at="2026-03-04T10:00:00Z",
        due={"type": "date", "on": "2026-03-06", "time": "20:00", "timezone": "UTC"},
    ),
    # Pay, Waive, Excuse, Forget and Hush are due. The waiver is there before any mail is.
    sweep(at(4, 12)),
    people(at(4, 12), "Waive", type="waiver", at="2026-03-04T08:00:00Z"),
    deliver(at(4, 12)),
    people(at(4, 13), "Pay", type="performance", at="2026-03-04T13:00:00Z"),
    people(at(4, 13), "Excuse", type="waiver", at="2026-03-04T08:00:00Z"),
    # The silence about Hush ends, and the digest is due.
    sweep(at(4, 14)),
    deliver(at(4, 14)),
    # Forget is escalated; people are reminded of the new date of Extend.
    sweep(at(5, 14)),
    deliver(at(5, 14)),
    sweep(at(5, 18)),
    deliver(at(5, 18)),
    deliver(at(6, 14)),
]
# When the next workers tick if that is soon: too soon for what the dead one held on lease, and
# soon enough.
SOON = (timedelta(seconds=1), timedelta(seconds=31))


def begin() -> None:
    """Two agreements, eight deadlines, three who follow them."""
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


# --- What is to be told ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class News:
    """What is to be told of a deadline, in one of these words, between two instants.

    `after` names the word that must have been told for this to be called for; what `may` be told
    need not be.
    """

    to: tuple[str, ...]
    words: tuple[str, ...]
    title: str
    since: datetime
    until: datetime = NEVER
    after: str = ""
    may: bool = False


NEWS = [
    News(to=(DESK,), words=("Due",), title="Ship", since=at(4, 9), until=at(4, 10)),
    News(to=(DESK,), words=("Due",), title="Extend", since=at(4, 9), until=at(4, 10)),
    News(to=(DESK,), words=("Extended",), title="Extend", since=at(4, 10)),
    News(to=(DIGEST,), words=("Extended",), title="Extend", since=at(4, 14)),
    News(to=(DESK,), words=("Missed",), title="Pay", since=at(4, 12), until=at(4, 13)),
    News(to=(DESK,), words=("Missed",), title="Excuse", since=at(4, 12), until=at(4, 13)),
    News(to=(DESK,), words=("Missed", "Still missed"), title="Forget", since=at(4, 12)),
    News(to=(DIGEST,), words=("Missed", "Still missed"), title="Forget", since=at(4, 14)),
    News(to=(DESK,), words=("Met late", "Missed, then met late"), title="Pay", since=at(4, 13)),
    News(to=(DIGEST,), words=("Met late", "Missed, then met late"), title="Pay", since=at(4, 14)),
    News(
        to=(DESK,),
        words=("Not missed after all",),
        title="Excuse",
        since=at(4, 13),
        after="Missed",
    ),
    News(to=(DESK,), words=("Now due",), title="Invoice", since=at(4, 13)),
    News(to=(DIGEST,), words=("Now due",), title="Invoice", since=at(4, 14)),
    News(to=(DESK,), words=("Missed", "Still missed"), title="Hush", since=at(4, 14)),
    News(to=(DIGEST,), words=("Missed", "Still missed"), title="Hush", since=at(4, 14)),
    News(to=(DESK, HEAD), words=("Still missed",), title="Forget", since=at(5, 12)),
    News(to=(DIGEST,), words=("Still missed",), title="Forget", since=at(5, 14)),
    News(to=(DESK,), words=("Due",), title="Extend", since=at(5, 9), until=at(6, 20)),
    News(to=(DIGEST,), words=("Due",), title="Extend", since=at(5, 14), until=at(6, 20)),
    # Whoever was not told of a miss hears of the waiver.
    News(to=(DESK,), words=("Waived",), title="Waive", since=at(4, 12), may=True),
    News(to=(DIGEST,), words=("Waived",), title="Waive", since=at(4, 14), may=True),
    News(to=(DESK,), words=("Waived",), title="Excuse", since=at(4, 13), may=True),
    News(to=(DIGEST,), words=("Waived",), title="Excuse", since=at(4, 14), may=True),
]
TITLES = "|".join(sorted({news.title for news in NEWS} | {"Waive"}))


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail as the server took it: when, for whom, and what it says of which deadline."""

    at: datetime
    to: str
    message_id: str
    told: tuple[tuple[str, str], ...]


@dataclass(kw_only=True)
class Verdict:
    """What was wrong in a run; `repeats` counts the mails that clients fold away."""

    lost: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    repeats: int = 0

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong, for one death."""
        return not (self.lost or self.false or self.doubled) and self.repeats <= 1


def judge(mails: Sequence[Mail], outage: tuple[datetime, datetime] | None = None) -> Verdict:
    """Compare what was taken with `NEWS`. What was news only during an outage need not be told."""
    verdict = Verdict(repeats=len(mails) - len({mail.message_id for mail in mails}))
    for mail in mails:
        if not mail.told:
            verdict.false.append(f"{mail.to} was told nothing at {mail.at}")
        for word, title in mail.told:
            if not any(_fits(news, mail, word, title) for news in NEWS):
                verdict.false.append(f"{mail.to} was told at {mail.at}: {word}: {title}")
    # As mail clients do: of two with the same Message-ID the first is read.
    read_ones = list({mail.message_id: mail for mail in reversed(mails)}.values())
    for news in NEWS:
        for recipient in news.to:
            heard = defaultdict(set)
            for mail in read_ones:
                for word, title in mail.told:
                    if mail.to == recipient and _fits(news, mail, word, title):
                        heard[word].add(mail.message_id)
            verdict.doubled += [
                f"{recipient} was told {len(ids)} times: {word}: {news.title}"
                for word, ids in heard.items()
                if len(ids) > 1
            ]
            is_owed = not news.may and not (
                outage and outage[0] <= news.since and news.until <= outage[1]
            )
            if news.after:
                is_owed &= any(
                    mail.to == recipient and (news.after, news.title) in mail.told
                    for mail in read_ones
                )
            if is_owed and not heard:
                verdict.lost.append(f"{recipient} was not told: {news.words[0]}: {news.title}")
    return verdict


def _fits(news: News, mail: Mail, word: str, title: str) -> bool:
    return (
        mail.to in news.to
        and title == news.title
        and word in news.words
        and news.since <= mail.at < news.until
    )


def parsed(when: datetime, recipient: str, message: EmailMessage) -> Mail:
    """What a mail tells, of every deadline that it names."""
    assert str(message["To"]) == recipient
    body = message.get_body(("plain",))
    assert body is not None
    lines = re.findall(rf"^(.+): ({TITLES})\r?$", body.get_content(), re.MULTILINE)
    return Mail(
        at=when,
        to=recipient,
        message_id=str(message["Message-ID"]).strip(),
        told=tuple((re.sub(r"^Due in .*", "Due", word), title) for word, title in lines),
    )


# --- The simulation -------------------------------------------------------------------------


class Snapshots:
    """What the database held before each act, to go back to, over a connection of their own."""

    def __init__(self) -> None:
        connection = connections["default"]
        connection.ensure_connection()
        self._database = psycopg.connect(connection.connection.info.dsn, autocommit=True)
        found = self._database.execute(
            "SELECT format('%I', relname) FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND relname LIKE 'compliance\\_%'"
        )
        self._tables = [table for (table,) in found]
        # Without triggers: what is never altered is taken away and put back here.
        self._run("DROP SCHEMA IF EXISTS snapshot CASCADE")
        self._run("CREATE SCHEMA snapshot", "SET session_replication_role = replica")
        self._run(
            *(
                f"CREATE UNLOGGED TABLE snapshot.{table} AS"
                f" SELECT 0 AS act, t AS held FROM public.{table} AS t WITH NO DATA"
                for table in self._tables
            )
        )

    def take(self, act: int) -> None:
        """Keep what is there before an act."""
        self._run(
            *(
                f"INSERT INTO snapshot.{table} SELECT {act}, t FROM public.{table} AS t"
                for table in self._tables
            )
        )

    def go_back(self, act: int) -> None:
        """Have everything as it was before an act."""
        self._run(
            *(f"DELETE FROM public.{table}" for table in self._tables),
            *(
                f"INSERT INTO public.{table} SELECT (held).* FROM snapshot.{table}"
                f" WHERE act = {act}"
                for table in self._tables
            ),
        )

    def leave_out_what_stays(self) -> None:
        """Deal with no more tables than have changed since the first act."""
        self._tables = [table for table in self._tables if self._has_changed(table)]

    def _has_changed(self, table: str) -> bool:
        row = self._database.execute(
            f"SELECT (SELECT array_agg(t::text ORDER BY t::text) FROM public.{table} AS t)"
            " IS DISTINCT FROM (SELECT array_agg(held::text ORDER BY held::text)"
            f" FROM snapshot.{table} WHERE act = 0)"
        ).fetchone()
        assert row is not None
        return bool(row[0])

    def standing(self) -> tuple[str, list[str]]:
        """All that what happens next depends on, and the Message-IDs of the messages in it."""
        [standing] = self._database.execute(_STANDING).fetchone() or ("",)
        messages = self._database.execute(
            "SELECT message_id FROM compliance_message ORDER BY id"
        ).fetchall()
        return standing, [message_id for (message_id,) in messages]

    def forget(self) -> None:
        """Leave nothing behind."""
        self._run("DROP SCHEMA snapshot CASCADE")
        self._database.close()

    def _run(self, *statements: str) -> None:
        self._database.execute("; ".join(statements))


# Every row that sweep or delivery reads, numbered anew: what was rolled back used up numbers too.
_STANDING = """
    WITH standing (line) AS (
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
    SELECT string_agg(line::text, E'\\n' ORDER BY line::text) FROM standing
"""


class Outage(Enum):
    """How long nobody takes the place of a worker that died."""

    SHORT = "replaced at once"
    LONG = "gone until the next hour at which anything happens"


@dataclass(frozen=True, kw_only=True)
class Death:
    """Where and how a worker died."""

    act: Act
    step: int
    name: str
    moment: PointInTime

    def __str__(self) -> str:
        return (
            f"{self.act.worker} of {self.act.at:%d March %H:%M} killed {self.moment.value} its "
            f"step {self.step} ({self.name[:100]})"
        )


class Simulation:
    """The script, played over and over on real servers.

    A worker that dies within a transaction leaves what it found, at whichever statement. So it is
    killed at every step, and what comes after is played once for each state in which a death
    leaves the database and the mail server, and each `Outage`. `states` counts those.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._snapshots = Snapshots()
        # How many mails there were before each act of the undisturbed run, and all of them.
        self._before: list[int] = []
        self._mails: list[Mail] = []
        self._known: dict[Any, Verdict] = {}

    @property
    def states(self) -> int:
        """How many different states the deaths so far have left."""
        return len({state for state, _outage in self._known})

    def undisturbed(self) -> list[Mail]:
        """Play the script without any fault, and keep what was before each act."""
        with time_machine.travel(at(2, 9), tick=False):
            begin()
        for number, act in enumerate(SCRIPT):
            self._snapshots.take(number)
            self._before.append(len(self._mails))
            self._mails += self._play(act)
        self._snapshots.leave_out_what_stays()
        return self._mails

    def traced(self) -> Iterator[tuple[list[str], str]]:
        """The steps of each worker that is left alone, beside what libpq says of the wire."""
        for number, act in enumerate(SCRIPT):
            if act.worker:
                with tempfile.TemporaryFile() as trace:
                    self._snapshots.go_back(number)
                    worker = Worker(trace=trace)
                    self._play(act, worker)
                    trace.seek(0)
                    yield worker.steps, trace.read().decode(errors="replace")

    def deaths(
        self, is_of_interest: Callable[[Act], bool] = lambda act: True
    ) -> Iterator[tuple[Death, dict[Outage, Verdict]]]:
        """Kill each worker at each of its steps until it survives, and judge what comes of it."""
        for number, act in enumerate(SCRIPT):
            if act.worker and is_of_interest(act):
                for moment in PointInTime:
                    step = 0
                    while died := self._judged(number, step, moment):
                        yield died
                        step += 1

    def end(self) -> None:
        """Leave the database as any test may find it."""
        connections["default"].close()
        self._snapshots.forget()

    def _judged(
        self, number: int, step: int, moment: PointInTime
    ) -> tuple[Death, dict[Outage, Verdict]] | None:
        worker, mails = self._killed(number, step, moment)
        if not worker.is_dead:
            return None
        standing, message_ids = self._snapshots.standing()
        taken = [
            (mail.to, mail.told, [mail.message_id == each for each in message_ids])
            for mail in mails
        ]
        state = (number, standing, repr(taken))
        is_as_left = True
        verdicts = {}
        for outage in Outage:
            if (state, outage) not in self._known:
                if not is_as_left:
                    _, mails = self._killed(number, step, moment)
                self._known[state, outage] = self._aftermath(number, mails, outage)
                is_as_left = False
            verdicts[outage] = self._known[state, outage]
        death = Death(act=SCRIPT[number], step=step, name=worker.steps[-1], moment=moment)
        return death, verdicts

    def _killed(self, number: int, step: int, moment: PointInTime) -> tuple[Worker, list[Mail]]:
        """Have an act's worker killed; what the mail server had taken from it by then."""
        self._snapshots.go_back(number)
        worker = Worker(dies_at=step, moment=moment)
        return worker, self._play(SCRIPT[number], worker)

    def _aftermath(self, number: int, mails: list[Mail], outage: Outage) -> Verdict:
        """Go on with the script after the death in an act, and judge the whole of it."""
        act = SCRIPT[number]
        rest = SCRIPT[number + 1 :]
        same = [each for each in rest if each.at == act.at]
        later = rest[len(same) :]
        back_at = next((each.at for each in later if each.worker == act.worker), act.at)
        if outage is Outage.SHORT:
            soon, back_at = (act.at + pause for pause in SOON)
            again = sweep(soon) if act.worker == "sweep" else deliver(soon)
            same += [again, deliver(back_at)]
        told = self._mails[: self._before[number]] + mails
        for each in same + later:
            told += self._play(each)
        return judge(told, (act.at, back_at))

    def _play(self, act: Act, worker: Worker | None = None) -> list[Mail]:
        taken = len(self._sink.received)
        with time_machine.travel(act.at, tick=False):
            if worker is None:
                act.do()
            else:
                worker.work(act.do)
        return [
            parsed(act.at, recipient, message)
            for recipient, message in zip(
                self._sink.recipients[taken:], self._sink.received[taken:], strict=True
            )
        ]
