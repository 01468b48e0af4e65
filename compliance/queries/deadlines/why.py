"""Why a deadline has, or had, its status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django.db.models import Q

from compliance.domain.civil_time import UnknownTimeZone, displayed_zone_name
from compliance.domain.deadlines.explanations import (
    Case,
    Explanation,
    StatusChange,
    explain,
)
from compliance.domain.deadlines.ledger import recorded_quantity
from compliance.domain.deadlines.summaries import FactSummary, PositionSummary
from compliance.domain.vocabulary import Precision, TargetBound, Verdict, Verification
from compliance.models import Deadline, Fact, Position
from compliance.models.deadlines.fact_values import fact_summaries
from compliance.models.people.readers import Reader
from compliance.models.visibility import hidden_from
from compliance.queries.agreement_statuses import agreement_status_of
from compliance.queries.deadlines.deadlines import row
from compliance.queries.deadlines.timelines import as_known_at, known_timeline, timeline
from compliance.queries.point_in_time import PointInTime
from compliance.queries.rows import Row


def why(deadline_id: int, moment: PointInTime, *, reader: Reader, now: datetime) -> Row | None:
    """Return the explanation as a row. None if the deadline does not exist or was not known then.

    Raises:
        Invalid: the deadline cannot be projected.
    """
    found = explanation(deadline_id, moment, reader=reader, now=now)
    if found is None:
        return None
    return {
        "deadline": deadline_id,
        "as_of": moment.as_of or now,
        "known_at": moment.known_at or now,
        "status": found.status,
        "agreement_status": agreement_status_of(
            deadline_id, as_of=moment.as_of or now, known_at=moment.known_at
        ),
        "since": found.since,
        "paragraph": found.paragraph,
        "steps": [asdict(step) for step in found.steps],
    }


def explanation(
    deadline_id: int, moment: PointInTime, *, reader: Reader, now: datetime
) -> Explanation | None:
    """Explain the status of a deadline, now or at a given time."""
    deadline = Deadline.objects.select_related("obligation").filter(pk=deadline_id).first()
    state = row(deadline_id, moment, reader=reader, now=now)
    if deadline is None or state is None:
        return None
    changes = _status_changes(deadline_id, moment, reader, now)
    if not changes:
        return None
    known_at, as_of = moment.known_at or now, moment.as_of or now
    return explain(
        Case(
            timezone=displayed_zone_name(state["timezone"]),
            history=changes,
            facts=_facts([each.fact_id for each in changes], reader),
            positions=_positions(deadline, as_of, known_at),
            is_disputed=state["is_disputed"],
            verification=Verification(state["verification"]),
            trace=state["trace"],
            unit=state["unit"],
            target_bound=TargetBound(state["target_bound"]),
            due_precision=Precision(state["due_precision"] or Precision.DAY),
        )
    )


def _facts(named: Sequence[int | None], reader: Reader) -> dict[int, FactSummary]:
    """Return facts by id. Successors that do not exist for the reader are not named."""
    found = fact_summaries(named)
    if not reader.is_limited or not any(each.successor for each in found.values()):
        return found
    unseen = Fact.objects.filter(pk__in=found, successor__agreement__in=hidden_from(reader))
    return found | {
        pk: replace(found[pk], successor="") for pk in unseen.values_list("pk", flat=True)
    }


def _status_changes(
    deadline_id: int, moment: PointInTime, reader: Reader, now: datetime
) -> list[StatusChange]:
    if moment.as_of is not None:
        return _recorded_changes(deadline_id, moment)
    try:
        found = timeline(deadline_id, reader=reader)
    except UnknownTimeZone:
        return _recorded_changes(deadline_id, as_known_at(now))
    if found is None:
        return []
    # Before a deadline begins, it has the first status of its timeline.
    past = found.until(now) or found.transitions[:1]
    return [
        StatusChange(
            effective_at=each.effective_at,
            status=each.status,
            reason=each.reason,
            fact_id=each.fact_id,
            due_on=each.due.due_on if each.due else None,
            due_at=each.due.due_at if each.due else None,
            performed=recorded_quantity(each),
            target=each.target,
            measured=each.measured,
        )
        for each in past
    ]


def _recorded_changes(deadline_id: int, moment: PointInTime) -> list[StatusChange]:
    return [
        StatusChange.of_entry(entry, due_on)
        for entry, due_on in known_timeline(deadline_id, moment)
    ]


def _positions(deadline: Deadline, as_of: datetime, known_at: datetime) -> list[PositionSummary]:
    """Return the latest position of each party, in the order in which they were stated."""
    said: Any = Position.objects.filter(
        Q(deadline=deadline), stated_at__lte=as_of, recorded_at__lte=known_at
    )
    latest: dict[int, Position] = {}
    for each in (
        said.select_related("party").prefetch_related("evidence").order_by("stated_at", "id")
    ):
        latest[each.party_id] = each
    return [
        PositionSummary(
            id=each.pk,
            party=each.party.name,
            verdict=Verdict(each.verdict),
            stated_at=each.stated_at,
            stated_on=each.stated_on,
            precision=Precision(each.precision or Precision.DAY),
            share=each.share,
            quote=each.quote,
            evidence=tuple(piece.ref for piece in each.evidence.all()),
        )
        for each in sorted(latest.values(), key=lambda each: (each.stated_at, each.pk))
    ]
