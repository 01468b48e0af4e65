"""Whatever is recorded, in whatever order: what is true now, what a retraction leaves, and what
a supposition promises.

The facts go through the operations, as people hand them in; what those refuse is left out.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.deadlines.facts import Fact as DomainFact
from compliance.domain.deadlines.facts import effective_facts
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.deadlines.timeline import Timeline
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import FactKind
from compliance.models import Breach, Deadline, Fact, LedgerEntry
from compliance.models.people.readers import SYSTEM
from compliance.operations.deadlines import facts, sweep
from compliance.queries.deadlines.timelines import timeline
from tests.domain.strategies import histories, terms
from tests.profiles import scaled
from tests.samples import create_agreement, obligation, utc

START = utc("2026-03-01T00:00")
NOW = utc("2026-06-01T00:00")
OBLIGATIONS = (
    obligation("PLAIN", "2026-03-15"),
    obligation("GRACE", "2026-03-15", grace={"count": 5, "unit": "days"}),
    obligation("LOT", "2026-03-15", target_quantity=100, unit="t"),
    obligation("KEEP", "2026-04-15", kind="maintain", starts={"type": "date", "on": "2026-03-05"}),
)

# Few instants, so that they often coincide, because then the order might matter. Civil days in
# China begin at 16:00 UTC.
BEGIN = utc("2026-03-11T16:00")
days = st.integers(0, 8).map(lambda number: (BEGIN + timedelta(days=number + 1)).date())
instants = st.integers(0, 16).map(lambda number: BEGIN + timedelta(hours=12 * number))


@st.composite
def drafts(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the draft of a fact; not every obligation accepts it."""
    kind = draw(
        st.sampled_from(
            ["performance", "performance", "determination", "determination", "extension",
             "restatement", "violation", "suspension", "waiver", "cancellation"]
        )
    )  # fmt: skip
    fact: dict[str, Any] = {"type": kind}
    if draw(st.booleans()):
        day = draw(days)
        fact["on"] = day.isoformat()
    else:
        day = draw(instants)
        fact["at"] = day.isoformat()
    if kind in {"violation", "suspension"} and draw(st.booleans()):
        fact["until"] = (day + timedelta(days=draw(st.integers(1, 20)))).isoformat()
        fact["is_tolling"] = kind == "suspension" and draw(st.booleans())
    if kind == "extension":
        fact["due"] = {"type": "date", "on": draw(days).isoformat()}
    if kind == "restatement" or (kind == "performance" and draw(st.booleans())):
        fact["quantity"] = draw(st.sampled_from([30, 60, 100]))
    if kind == "determination":
        fact["verdict"] = draw(st.sampled_from(["met", "partly_met", "not_met", "undetermined"]))
        fact["note"] = "By the customs record."
        if fact["verdict"] == "partly_met":
            fact[draw(st.sampled_from(["share", "quantity"]))] = draw(st.sampled_from([0.3, 0.6]))
    return fact


def transitions_of(deadline: Deadline) -> list[tuple[object, ...]]:
    """Return the transitions of a deadline, without the facts that caused them."""
    found = timeline(deadline.pk, reader=SYSTEM)
    assert found is not None
    return transitions_in(found)


def transitions_in(timeline: Timeline) -> list[tuple[object, ...]]:
    return [
        (
            each.effective_at,
            each.status,
            each.reason,
            each.due,
            each.performed,
            each.target,
            each.accepted_share,
        )
        for each in timeline.transitions
    ]


_CACHED = (
    "status", "status_since", "due_on", "due_at", "unmet_at", "earliest_due_at", "is_ambiguous",
    "performed_quantity", "target_quantity", "accepted_share", "verification",
)  # fmt: skip


def cached(deadline: Deadline) -> list[object]:
    """Return the stored state of a deadline, and its breaches without voided ones."""
    deadline.refresh_from_db()
    breaches = Breach.objects.filter(deadline=deadline).exclude(end_reason="voided")
    return [
        *(getattr(deadline, name) for name in _CACHED),
        sorted(breaches.values_list("occurred_at", "ended_at", "end_reason")),
    ]


def try_to_record(deadline: Deadline, fact: Mapping[str, Any], as_of: datetime) -> Fact | None:
    """Record a fact unless this deadline refuses it."""
    try:
        draft = read(FactDraft, fact)
        return facts.record(deadline=deadline, draft=draft, by=None, as_of=as_of)
    except Invalid:
        return None


def record_all(deadline: Deadline, history: list[dict[str, Any]], as_of: datetime) -> None:
    """Record facts in order."""
    for fact in history:
        draft = read(FactDraft, fact)
        facts.record(deadline=deadline, draft=draft, by=None, as_of=as_of)


def new_deadline(ref: str, *, as_of: datetime = START) -> Deadline:
    """Create an agreement, and return its deadline of the obligation with this ref."""
    create_agreement(*OBLIGATIONS, ref=f"a{Deadline.objects.count()}", as_of=as_of)
    return Deadline.objects.filter(obligation__ref=ref).latest("id")


refs = st.sampled_from(["PLAIN", "GRACE", "LOT", "KEEP"])


class EveryHistory(DatabaseTestCase):
    """Random facts about random deadlines."""

    @given(refs, st.lists(drafts(), max_size=6), st.randoms(use_true_random=False))
    @settings(max_examples=scaled(0.15), suppress_health_check=list(HealthCheck))
    def test_the_order_of_recording_does_not_change_the_current_state(
        self, ref: str, history: list[dict[str, Any]], shuffler: random.Random
    ) -> None:
        found = []
        for _ in range(2):
            deadline = new_deadline(ref)
            for number, fact in enumerate(history):
                try_to_record(deadline, fact, NOW + timedelta(hours=number))
            sweep.run(as_of=NOW + timedelta(days=1))
            found.append((transitions_of(deadline), cached(deadline)))
            shuffler.shuffle(history)
        assert found[0] == found[1]

    @given(refs, st.lists(drafts(), min_size=1, max_size=6), st.data())
    @settings(max_examples=scaled(0.15), suppress_health_check=list(HealthCheck))
    def test_retracting_a_fact_restores_the_state_without_it(
        self, ref: str, history: list[dict[str, Any]], data: st.DataObject
    ) -> None:
        place = data.draw(st.integers(0, len(history) - 1))
        without = new_deadline(ref)
        for number, fact in enumerate(history):
            if number != place:
                try_to_record(without, fact, NOW + timedelta(hours=number))
        with_it = new_deadline(ref)
        retracted = None
        for number, fact in enumerate(history):
            recorded = try_to_record(with_it, fact, NOW + timedelta(hours=number))
            retracted = recorded if number == place else retracted
        if retracted is not None:
            retraction = {"type": "retraction", "supersedes": retracted.pk}
            assert try_to_record(with_it, retraction, NOW + timedelta(days=1)) is not None
        sweep.run(as_of=NOW + timedelta(days=2))
        assert transitions_of(with_it) == transitions_of(without)
        assert cached(with_it) == cached(without)

    @given(refs, st.lists(drafts(), max_size=4), st.lists(drafts(), min_size=1, max_size=3))
    @settings(max_examples=scaled(0.15), suppress_health_check=list(HealthCheck))
    def test_a_what_if_equals_the_result_of_recording(
        self, ref: str, history: list[dict[str, Any]], assumed: list[dict[str, Any]]
    ) -> None:
        deadline = new_deadline(ref)
        for number, fact in enumerate(history):
            try_to_record(deadline, fact, NOW + timedelta(hours=number))
        as_of = NOW + timedelta(days=1)
        before = (Fact.objects.count(), LedgerEntry.objects.count(), cached(deadline))
        try:
            checked = [read(FactDraft, fact) for fact in assumed]
            predicted = facts.project_with(deadline=deadline, drafts=checked, as_of=as_of)
        except Invalid:
            with pytest.raises(Invalid), transaction.atomic():
                record_all(deadline, assumed, as_of)
            return
        assert (Fact.objects.count(), LedgerEntry.objects.count(), cached(deadline)) == before
        record_all(deadline, assumed, as_of)
        assert transitions_in(predicted) == transitions_of(deadline)


@given(terms(), histories())
def test_retracting_a_fact_undoes_it(
    agreed: Terms, history: list[tuple[DomainFact, datetime]]
) -> None:
    known = [fact for fact, _ in history]
    for fact in effective_facts(known):
        retraction = DomainFact(
            id=1_000,
            kind=FactKind.RETRACTION,
            effective_at=fact.effective_at,
            supersedes=fact.id,
        )
        without = [each for each in known if each.id != fact.id]
        assert project(agreed, [*known, retraction]) == project(agreed, without)
