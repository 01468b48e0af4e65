"""Sweep and delivery are killed at every step, and no alert is lost, false or duplicated.

They are killed both before the step reaches the server and after the server has executed it.
`simulation` contains the script and the alerts that are expected from it.
"""

from __future__ import annotations

import gc
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import make_msgid
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.db import connections, transaction

from compliance.delivery import messages, outbox, rendering, run
from compliance.delivery.answers import Answer
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models.alerts import withdrawals
from compliance.operations.alerts import alerts
from tests.delivery.conftest import Sink
from tests.delivery.killable_worker import count_steps
from tests.delivery.simulation import Simulation, Verdict, at, judge

# Each of these must be among the steps, or the simulation misses something.
EXPECTED_STEPS = {
    "sweep": (
        "connect to PostgreSQL",
        "BEGIN",
        "COMMIT",
        "SELECT .* FOR NO KEY UPDATE SKIP LOCKED",
        "UPDATE compliance_deadline",
        "INSERT INTO compliance_breach",
        "INSERT INTO compliance_alert",
        "INSERT INTO compliance_ledgerentry",
        'UPDATE "compliance_silence"',
    ),
    "delivery": (
        "INSERT INTO compliance_message",
        'SELECT .* "compliance_message" .* FOR UPDATE SKIP LOCKED',
        'UPDATE "compliance_message"',
        "COMMIT",
        "connect to SMTP",
        "SMTP EHLO",
        "SMTP MAIL$",
        "SMTP RCPT$",
        "SMTP DATA$",
        "SMTP half of the body",
        "SMTP the final dot",
        "INSERT INTO compliance_deliveryattempt",
        "SMTP QUIT",
    ),
}


@pytest.fixture
def simulation(
    transactional_db: None, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Simulation]:
    # A killed process loses its pool. Here each worker has a single connection.
    connections["default"].close()
    monkeypatch.setitem(connections["default"].settings_dict["OPTIONS"], "pool", None)
    # Within a run, delivery uses the monotonic clock, which time_machine does not set.
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: 0.0))
    count_steps(monkeypatch)
    logging.disable(logging.CRITICAL)
    # This spares the collector from examining the existing objects in every run.
    gc.freeze()
    simulation = Simulation(sink)
    yield simulation
    simulation.end()
    gc.unfreeze()
    logging.disable(logging.NOTSET)


def test_without_kills_every_recipient_gets_every_alert_once(simulation: Simulation) -> None:
    assert judge(simulation.play_without_kills()) == Verdict()


@pytest.mark.exhaustive
@pytest.mark.parametrize("worker", ["sweep", "delivery"])
def test_a_kill_at_any_step_leaves_no_alert_lost_false_or_duplicated(
    simulation: Simulation, worker: str
) -> None:
    begun = time.monotonic()
    simulation.play_without_kills()
    steps: Counter[str] = Counter()
    kill_times: Counter[str] = Counter()
    repeats = 0
    wrong = []
    for kill, verdicts in simulation.kills(lambda event: event.worker == worker):
        steps[kill.name] += 1
        kill_times[kill.kill_time.value] += 1
        repeats = max(repeats, *(verdict.repeats for verdict in verdicts.values()))
        wrong += [
            f"{kill}, {outage.value}: {verdict}"
            for outage, verdict in verdicts.items()
            if not verdict.is_good
        ]
    print(
        f"{worker}: {kill_times['before']} steps, "
        f"{steps.total()} kills that left {simulation.states} different states, "
        f"{2 * simulation.states} runs from there: "
        f"{len(wrong)} with anything lost, false or doubled, at most {repeats} mail twice; "
        f"{time.monotonic() - begun:.0f} s"
    )
    assert wrong == []
    assert kill_times["before"] == kill_times["after"]
    assert [
        pattern
        for pattern in EXPECTED_STEPS[worker]
        if not any(re.search(pattern, each) for each in steps)
    ] == []
    # The email whose answer was not received or not recorded.
    assert repeats == (1 if worker == "delivery" else 0)


@pytest.mark.exhaustive
def test_every_statement_to_the_database_is_counted(simulation: Simulation) -> None:
    simulation.play_without_kills()
    for steps, trace in simulation.play_traced():
        sent = re.findall(r"\tF\t\d+\t(?:Query|Execute)\b", trace)
        assert len(sent) == sum("SMTP" not in each and "connect" not in each for each in steps)


def _record_before_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = outbox.claim

    def claiming(*, as_of: datetime, now: datetime, **more: Any) -> Any:
        claims, withdrawn = claim(as_of=as_of, now=now, **more)
        for held in claims:
            sent = Answer(outcome=AttemptOutcome.SENT)
            outbox.record(held, sent, started_at=now, ended_at=now, retry_at=None)
        return claims, withdrawn

    monkeypatch.setattr(outbox, "claim", claiming)


def _use_a_new_message_id_for_each_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    render = rendering.render_mail

    def render_with_new_id(contents: Any) -> EmailMultiAlternatives:
        mail = render(contents)
        mail.extra_headers["Message-ID"] = make_msgid()
        return mail

    monkeypatch.setattr(rendering, "render_mail", render_with_new_id)


def _send_without_checking_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withdrawals, "withdraw_unfit", lambda ids, **_: {*ids})


def _create_alerts_after_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    create = alerts.create

    def later(rows: Any, **more: Any) -> None:
        transaction.on_commit(lambda: create(rows, **more))

    monkeypatch.setattr(alerts, "create", later)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("sabotage", "worker", "when", "finding"),
    [
        (_record_before_sending, "delivery", at(4, 12), "lost"),
        (_use_a_new_message_id_for_each_attempt, "delivery", at(4, 12), "doubled"),
        (_send_without_checking_again, "delivery", at(4, 9), "false"),
        (_create_alerts_after_the_commit, "sweep", at(4, 12), "lost"),
    ],
)
def test_the_simulation_detects_a_faulty_worker(
    simulation: Simulation,
    monkeypatch: pytest.MonkeyPatch,
    sabotage: Callable[[pytest.MonkeyPatch], None],
    worker: str,
    when: datetime,
    finding: str,
) -> None:
    sabotage(monkeypatch)
    simulation.play_without_kills()
    kills = simulation.kills(lambda event: (event.worker, event.at) == (worker, when))
    assert any(
        getattr(verdict, finding) for _kill, verdicts in kills for verdict in verdicts.values()
    )


def _record_one_email_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record each attempt only after the next email was sent."""
    record, load, mark_reached = outbox.record, messages.load, outbox.mark_reached
    unrecorded: list[tuple[Any, Any]] = []

    def flush() -> None:
        for args, times in unrecorded:
            record(*args, **times)
        unrecorded.clear()

    def record_later(*args: Any, **times: Any) -> None:
        flush()
        unrecorded.append((args, times))

    def load_anew(*args: Any, **options: Any) -> Any:
        # A killed worker loses what it has not recorded.
        unrecorded.clear()
        return load(*args, **options)

    def flush_at_the_end(reached: Any) -> None:
        flush()
        mark_reached(reached)

    monkeypatch.setattr(outbox, "record", record_later)
    monkeypatch.setattr(messages, "load", load_anew)
    monkeypatch.setattr(outbox, "mark_reached", flush_at_the_end)


@pytest.mark.exhaustive
def test_a_worker_that_records_one_email_late_repeats_two_emails(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record_one_email_late(monkeypatch)
    simulation.play_without_kills()
    kills = simulation.kills(lambda event: (event.worker, event.at) == ("delivery", at(4, 12)))
    assert any(verdict.repeats > 1 for _kill, verdicts in kills for verdict in verdicts.values())
