"""Sweep and delivery are killed at every single step: nothing is lost, and nothing false is told.

Each time before the step reaches the server, and after the server has done it; see `simulation`
for what happens meanwhile, and for what everybody has to be told of it.
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
from compliance.models.alerts import reported_alerts
from compliance.operations.alerts import alerts
from tests.delivery.conftest import Sink
from tests.delivery.mortal import count_steps
from tests.delivery.simulation import Simulation, Verdict, at, judge

# Each has to be among the steps, or the simulation does not do what it is for.
SORTS = {
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
    # A killed process takes its pool along; here each has its one connection.
    connections["default"].close()
    monkeypatch.setitem(connections["default"].settings_dict["OPTIONS"], "pool", None)
    # Instants within a run of delivery follow a clock that nobody can set.
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: 0.0))
    count_steps(monkeypatch)
    logging.disable(logging.CRITICAL)
    # What is there already need not be looked through again and again.
    gc.freeze()
    simulation = Simulation(sink)
    yield simulation
    simulation.end()
    gc.unfreeze()
    logging.disable(logging.NOTSET)


def test_undisturbed_everybody_is_told_everything_once(simulation: Simulation) -> None:
    assert judge(simulation.undisturbed()) == Verdict()


@pytest.mark.exhaustive
@pytest.mark.parametrize("worker", ["sweep", "delivery"])
def test_killed_at_any_step_nothing_is_lost_false_or_doubled(
    simulation: Simulation, worker: str
) -> None:
    begun = time.monotonic()
    simulation.undisturbed()
    steps: Counter[str] = Counter()
    moments: Counter[str] = Counter()
    repeats = 0
    wrong = []
    for death, verdicts in simulation.deaths(lambda act: act.worker == worker):
        steps[death.name] += 1
        moments[death.moment.value] += 1
        repeats = max(repeats, *(verdict.repeats for verdict in verdicts.values()))
        wrong += [
            f"{death}, {outage.value}: {verdict}"
            for outage, verdict in verdicts.items()
            if not verdict.is_good
        ]
    print(
        f"{worker}: {moments['before']} steps, "
        f"{steps.total()} kills that left {simulation.states} different states, "
        f"{2 * simulation.states} runs from there: "
        f"{len(wrong)} with anything lost, false or doubled, at most {repeats} mail twice; "
        f"{time.monotonic() - begun:.0f} s"
    )
    assert wrong == []
    assert moments["before"] == moments["after"]
    assert [
        sort for sort in SORTS[worker] if not any(re.search(sort, each) for each in steps)
    ] == []
    # Of the mail whose answer was not heard, or not recorded.
    assert repeats == (1 if worker == "delivery" else 0)


def test_no_statement_reaches_the_database_uncounted(simulation: Simulation) -> None:
    simulation.undisturbed()
    for steps, trace in simulation.traced():
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


def _name_each_attempt_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    render = rendering.render_mail

    def anew(contents: Any) -> EmailMultiAlternatives:
        mail = render(contents)
        mail.extra_headers["Message-ID"] = make_msgid()
        return mail

    monkeypatch.setattr(rendering, "render_mail", anew)


def _send_without_another_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reported_alerts, "withdraw_untrue", lambda ids, **_: {*ids})


def _make_alerts_after_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    create = alerts.create

    def later(rows: Any, **more: Any) -> None:
        transaction.on_commit(lambda: create(rows, **more))

    monkeypatch.setattr(alerts, "create", later)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("sabotage", "worker", "when", "finding"),
    [
        (_record_before_sending, "delivery", at(4, 12), "lost"),
        (_name_each_attempt_anew, "delivery", at(4, 12), "doubled"),
        (_send_without_another_look, "delivery", at(4, 9), "false"),
        (_make_alerts_after_the_commit, "sweep", at(4, 12), "lost"),
    ],
)
def test_a_worker_that_goes_about_it_wrongly_is_found_out(
    simulation: Simulation,
    monkeypatch: pytest.MonkeyPatch,
    sabotage: Callable[[pytest.MonkeyPatch], None],
    worker: str,
    when: datetime,
    finding: str,
) -> None:
    sabotage(monkeypatch)
    simulation.undisturbed()
    deaths = simulation.deaths(lambda act: (act.worker, act.at) == (worker, when))
    assert any(
        getattr(verdict, finding) for _death, verdicts in deaths for verdict in verdicts.values()
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
        # What a killed worker did not record is gone.
        unrecorded.clear()
        return load(*args, **options)

    def flush_at_the_end(reached: Any) -> None:
        flush()
        mark_reached(reached)

    monkeypatch.setattr(outbox, "record", record_later)
    monkeypatch.setattr(messages, "load", load_anew)
    monkeypatch.setattr(outbox, "mark_reached", flush_at_the_end)


def test_a_worker_that_records_one_email_late_repeats_two(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record_one_email_late(monkeypatch)
    simulation.undisturbed()
    deaths = simulation.deaths(lambda act: (act.worker, act.at) == ("delivery", at(4, 12)))
    assert any(verdict.repeats > 1 for _death, verdicts in deaths for verdict in verdicts.values())
