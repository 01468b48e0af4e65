"""Timelines of deadlines: computed now, or from the ledger as known at some time."""

from __future__ import annotations

from datetime import date, datetime
from itertools import groupby

from django.db.models import Q

from compliance.domain.civil_time import UnknownTimeZone
from compliance.domain.deadlines.ledger import Entry, current_history, without_unbound
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.timeline import Timeline
from compliance.domain.problems import refusal
from compliance.models import Deadline, Fact, LedgerEntry
from compliance.models.deadlines.fact_values import facts_about
from compliance.models.deadlines.ledger import entry_of
from compliance.models.deadlines.terms import duty_of, terms_of
from compliance.models.people.readers import Reader
from compliance.models.visibility import visible_to
from compliance.queries.deadlines.timeline_precisions import precisions_of
from compliance.queries.former import former_agreements, former_obligations, former_terms
from compliance.queries.point_in_time import PointInTime
from compliance.queries.rows import Row


def timeline(
    deadline_id: int, *, reader: Reader, known_at: datetime | None = None
) -> Timeline | None:
    """Return the whole timeline of a deadline, as known now or at an instant."""
    found = Deadline.objects.select_related("obligation__agreement").filter(pk=deadline_id)
    deadline = visible_to(found, reader).first()
    if deadline is None:
        return None
    _restore(deadline, known_at)
    duty = duty_of(deadline.obligation)
    surviving = {deadline.pk} if duty.survives_termination else set()
    facts = facts_about([deadline], surviving=surviving).get(deadline.pk, [])
    if known_at is not None:
        facts = [each for each in facts if each.recorded_at and each.recorded_at <= known_at]
    return project(terms_of(deadline, duty), facts)


def _restore(deadline: Deadline, known_at: datetime | None) -> None:
    """Give a deadline and its obligation the terms that were known at `known_at`."""
    terms = former_terms([deadline.pk], known_at).get(deadline.pk, {})
    obligation = deadline.obligation
    fields = former_obligations([obligation.pk], known_at).get(obligation.pk, {})
    for name, value in terms.items():
        setattr(deadline, name, value)
    for name in ("kind", "due", "target_quantity", "target_bound", "survives_termination"):
        if name in fields:
            setattr(obligation, name, fields[name])
    agreement = obligation.agreement
    fields = former_agreements([agreement.pk], known_at).get(agreement.pk, {})
    agreement.ends_on = fields.get("ends_on", agreement.ends_on)


def timeline_rows(
    deadline_id: int, moment: PointInTime, *, reader: Reader, now: datetime
) -> list[Row] | None:
    """Return the timeline of one deadline as rows, oldest first, with the future marked.

    At a given time: its past and its future as known then. None also if it was not known then.

    Raises:
        Invalid: the deadline cannot be projected and is quarantined.
    """
    rows = _rows(deadline_id, moment, reader=reader, now=now)
    if rows:
        deadline = Deadline.objects.select_related("obligation__agreement").get(pk=deadline_id)
        precisions_of(deadline, known_at=moment.known_at).add_to(rows)
    return rows


def _rows(
    deadline_id: int, moment: PointInTime, *, reader: Reader, now: datetime
) -> list[Row] | None:
    try:
        found = timeline(deadline_id, reader=reader, known_at=moment.known_at)
    except UnknownTimeZone:
        # The future is unknown, but what was recorded can be shown.
        return _past_rows(deadline_id, moment if moment.as_of else as_known_at(now))
    except (ValueError, ArithmeticError) as error:
        raise refusal("", f"The timeline of this deadline cannot be computed: {error}") from error
    if found is None:
        return None
    if moment.as_of is None:
        return transition_rows(found, now=now)
    past = _past_rows(deadline_id, moment)
    return [*past, *_after(found, moment.as_of)] if past else None


def as_known_at(now: datetime) -> PointInTime:
    """Return the point in time `now`, as known then."""
    return PointInTime(as_of=now, known_at=now)


def _past_rows(deadline_id: int, moment: PointInTime) -> list[Row]:
    return [
        {**_past_row(entry, due_on), "is_projected": False}
        for entry, due_on in known_timeline(deadline_id, moment)
    ]


def _after(found: Timeline, as_of: datetime) -> list[Row]:
    return [each for each in transition_rows(found, now=as_of) if each["is_projected"]]


def known_timeline(deadline_id: int, moment: PointInTime) -> list[tuple[Entry, date | None]]:
    """Return the timeline up to a given time from the ledger of that time, with due days."""
    rows = LedgerEntry.objects.filter(deadline_id=deadline_id, recorded_at__lte=moment.known_at)
    days = {(row.recorded_at, row.effective_at): row.due_on for row in rows}
    held = without_unbound(current_history([entry_of(row) for row in rows]))
    return [
        (entry, days[entry.recorded_at, entry.effective_at])
        for entry in held
        if moment.as_of is not None and entry.effective_at <= moment.as_of
    ]


def _past_row(entry: Entry, due_on: date | None) -> Row:
    return {
        "effective_at": entry.effective_at,
        "status": entry.status,
        "reason": entry.reason,
        "fact": entry.fact_id,
        "due_on": due_on,
        "due_at": entry.due_at,
        "unmet_at": entry.unmet_at,
        "performed": entry.performed,
        "target": entry.target,
        "accepted_share": entry.accepted_share,
        "measured": entry.measured,
    }


def history(deadline_id: int, *, reader: Reader) -> list[Row] | None:
    """Return what was known about a deadline, and when: one row per batch of its ledger.

    Oldest first, each with its transitions and the facts that became known since the previous
    batch.
    """
    stored = Deadline.objects.select_related("obligation__agreement").filter(pk=deadline_id)
    deadline = visible_to(stored, reader).first()
    if deadline is None:
        return None
    precisions = precisions_of(deadline)
    entries = list(
        LedgerEntry.objects.filter(deadline_id=deadline_id).order_by("recorded_at", "effective_at")
    )
    own = Q(deadline_id=deadline_id) | Q(agreement_id=deadline.agreement_id)
    facts = list(Fact.objects.filter(own).order_by("recorded_at", "id"))
    batches: list[Row] = []
    for recorded_at, batch in groupby(entries, key=lambda each: each.recorded_at):
        learned = [each for each in facts if each.recorded_at <= recorded_at]
        facts = facts[len(learned) :]
        rows = list(batch)
        batches.append(
            {
                "recorded_at": recorded_at,
                "from": rows[0].effective_at,
                "facts": [{"id": each.pk, "type": each.kind} for each in learned],
                "timeline": [_past_row(entry_of(each), each.due_on) for each in rows],
            }
        )
        precisions.add_to(batches[-1]["timeline"])
    return batches


def transition_rows(found: Timeline, *, now: datetime) -> list[Row]:
    """Return a timeline as rows, oldest first, with the future marked."""
    return [
        {
            "effective_at": each.effective_at,
            "status": each.status,
            "reason": each.reason,
            "fact": each.fact_id,
            "due_on": each.due and each.due.due_on,
            "due_at": each.due and each.due.due_at,
            "unmet_at": each.due and each.due.unmet_at,
            "performed": each.performed if each.target is not None else None,
            "target": each.target,
            "accepted_share": each.accepted_share,
            "measured": each.measured,
            "is_projected": each.effective_at > now,
        }
        for each in found.transitions
    ]
