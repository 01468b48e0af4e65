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

from compliance.delivery import attempts, letters, outbox, run
from compliance.domain.vocabulary import AttemptOutcome
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
        "SMTP half of the body",
        "SMTP the final dot",
        "INSERT INTO compliance_deliveryattempt",
        "SMTP QUIT",
    ),
}
ENVELOPES = {
    False: ("SMTP MAIL$", "SMTP RCPT$", "SMTP DATA$"),
    True: ("SMTP MAIL RCPT DATA$",),
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
@pytest.mark.parametrize(
    ("worker", "is_pipelining"), [("sweep", False), ("delivery", False), ("delivery", True)]
)
def test_killed_at_any_step_nothing_is_lost_false_or_doubled(
    simulation: Simulation, sink: Sink, worker: str, is_pipelining: bool
) -> None:
    begun = time.monotonic()
    sink.is_pipelining = is_pipelining
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
        f"{worker}{', all commands at once' * is_pipelining}: {moments['before']} steps, "
        f"{steps.total()} kills that left {simulation.states} different states, "
        f"{2 * simulation.states} runs from there: "
        f"{len(wrong)} with anything lost, false or doubled, at most {repeats} mail twice; "
        f"{time.monotonic() - begun:.0f} s"
    )
    assert wrong == []
    assert moments["before"] == moments["after"]
    sorts = [*SORTS[worker], *ENVELOPES[is_pipelining] * (worker == "delivery")]
    assert [sort for sort in sorts if not any(re.search(sort, each) for each in steps)] == []
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
            with outbox.recording(
                held,
                outcome=AttemptOutcome.SENT,
                answer="",
                started_at=now,
                ended_at=now,
                again_at=None,
            ):
                pass
        return claims, withdrawn

    monkeypatch.setattr(outbox, "claim", claiming)


def _name_each_attempt_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    letter = letters.letter

    def anew(contents: Any) -> EmailMultiAlternatives:
        mail = letter(contents)
        mail.extra_headers["Message-ID"] = make_msgid()
        return mail

    monkeypatch.setattr(letters, "letter", anew)


def _send_without_another_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_leave_out_untrue", lambda _ids, _now: None)


def _make_alerts_after_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    make = alerts.make

    def later(rows: Any, **more: Any) -> None:
        transaction.on_commit(lambda: make(rows, **more))

    monkeypatch.setattr(alerts, "make", later)


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


class _Hasty(attempts.Attempt):
    """Ends as soon as it can, without waiting until the one before is on record."""

    def begin(self) -> None:
        super().begin()
        self.proceed()
        self.end(lambda held: held, meanwhile=lambda: None)


def test_who_sends_on_before_the_last_is_on_record_repeats_two_mails(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "Attempt", _Hasty)
    simulation.undisturbed()
    deaths = simulation.deaths(lambda act: (act.worker, act.at) == ("delivery", at(4, 12)))
    assert any(verdict.repeats > 1 for _death, verdicts in deaths for verdict in verdicts.values())
