"""The terms of imported deadlines as they were known at every instant: computed, and kept.

A deadline whose terms never changed has one version. Only the others, and the deadlines from which
they count, are computed again for each instant at which something became known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from types import MappingProxyType, SimpleNamespace
from typing import Any

from django.db.models import Min

from compliance.domain.deadlines.components import is_done_by_components
from compliance.domain.deadlines.scheduling import ScheduledTerms
from compliance.domain.deadlines.snapshots import ObligationSnapshot
from compliance.domain.deadlines.term_history import (
    FormerObligation,
    RecordedObligation,
    TermsVersion,
    term_history,
)
from compliance.domain.deadlines.terms import KnownHistory, KnownTerms, Terms
from compliance.domain.vocabulary import FactKind, ObligationKind, RollUp
from compliance.models import (
    Correction,
    Deadline,
    Dependency,
    Fact,
    LedgerEntry,
    MilestoneDating,
    Obligation,
)
from compliance.models.bulk import insert
from compliance.models.deadlines.fact_values import facts_about
from compliance.models.deadlines.terms import (
    Duty,
    dues_of_facts,
    duty_of,
    expires_at,
    terms_of,
)
from compliance.operations.deadlines import (
    former_obligations,
    former_terms,
    projection_inputs,
    schedule,
    schedule_inputs,
)
from compliance.operations.deadlines.deadline_rows import DeadlineRow
from compliance.operations.deadlines.schedule_inputs import ScheduleInputs
from compliance.operations.deadlines.scheduled_columns import columns_of

Versions = dict[int, list[TermsVersion]]
"""The versions of the terms of deadlines by id, for those of which the terms changed."""


def versions_of(known_from: Mapping[int, datetime], *, as_of: datetime) -> Versions:
    """Return the versions of the terms of deadlines, for those whose terms may have changed.

    Args:
        known_from: when each deadline became known.
    """
    obligations = _obligations_to_replay(known_from)
    if not obligations:
        return {}
    inputs = schedule_inputs.load(obligations)
    rows = [row for by_number in inputs.deadlines.values() for row in by_number.values()]
    surviving = {each.pk for each in inputs.obligations if each.survives_termination}
    facts = facts_about(rows, surviving={row.pk for row in rows if row.obligation_id in surviving})
    sources, components = _sources(obligations)
    former = former_obligations.formerly(inputs.obligations)
    recorded = {}
    for each in inputs.obligations:
        by_number = inputs.deadlines.get(each.pk, {})
        since = {
            number: known_from[row.pk] for number, row in by_number.items() if row.pk in known_from
        }
        recorded[each.pk] = RecordedObligation(
            snapshot=inputs.snapshot(each),
            known_from=min([each.recorded_at, *since.values()]),
            deadlines_known_from=since,
            datings=inputs.datings.get(each.agreement_id, []),
            facts={number: facts.get(row.pk, ()) for number, row in by_number.items()},
            terms_of=partial(_terms, duty_of(each)),
            sources=sources[each.pk],
            former=[
                FormerObligation(
                    until=until, snapshot=snapshot, terms_of=partial(_terms, duty_of(said))
                )
                for until, said in former.get(each.pk, ())
                if (snapshot := _snapshot(inputs, said)) is not None
            ],
            components=tuple(components[each.pk]),
            roll_up=RollUp(each.roll_up),
            share=each.roll_up_share,
            survives_termination=each.survives_termination,
        )
    found = term_history(recorded, as_of=as_of, horizon=schedule.horizon(as_of))
    ids = {(row.obligation_id, row.number): row.pk for row in rows}
    return {
        ids[key]: versions
        for key, versions in found.items()
        if key in ids and ids[key] in known_from
    }


def _snapshot(inputs: ScheduleInputs, obligation: Obligation) -> ObligationSnapshot | None:
    try:
        return inputs.snapshot(obligation)
    except ValueError:
        # An earlier version of Pacta stored the rule in a form that is no longer read.
        return None


def began(deadline_ids: Iterable[int], *, as_of: datetime) -> dict[int, datetime]:
    """Return when those of the deadlines became known that were entered before `as_of`.

    This is when the ledger begins, or else the time of entry: they have not begun.
    """
    ids = list(deadline_ids)
    entered = Deadline.objects.filter(pk__in=ids, recorded_at=None, entered_at__lt=as_of)
    recorded = LedgerEntry.objects.filter(deadline__in=ids).values_list("deadline")
    return {
        pk: at
        for pk, at in (
            *entered.values_list("pk", "entered_at"),
            *recorded.annotate(first=Min("recorded_at")),
        )
        if at is not None
    }


def histories(
    began: Mapping[int, datetime],
    versions: Versions,
    known_from: Mapping[int, datetime],
    imported_at: Mapping[int, datetime] = MappingProxyType({}),
) -> dict[int, KnownHistory]:
    """Return the terms that were known of deadlines at every time.

    Args:
        began: when each became known.
        known_from: from when on the ledger of each may lack something.
        imported_at: when history about it was imported, if that could not be refreshed then.
    """
    former: dict[int, list[Correction]] = defaultdict(list)
    kept = Correction.objects.filter(deadline__in=began.keys() - versions.keys())
    for each in kept.order_by("recorded_at", "id"):
        if each.deadline_id is not None and each.recorded_at > began[each.deadline_id]:
            former[each.deadline_id].append(each)
    found = {}
    for row, duty in projection_inputs.with_duties(began):
        known = [each.known for each in versions.get(row.id, ())] or terms_from(
            row, duty, former.get(row.id, ()), began[row.id]
        )
        found[row.id] = KnownHistory(known, known_from[row.id], imported_at.get(row.id))
    return found


def terms_from(
    row: DeadlineRow, duty: Duty, corrections: Sequence[Correction], began: datetime
) -> list[KnownTerms]:
    """Return the terms of a deadline at every time, by what its corrections kept."""
    times = [began, *(each.recorded_at for each in corrections)]
    columns: list[Any] = [SimpleNamespace(**_parsed(each.before)) for each in corrections]
    return [
        KnownTerms(at, terms_of(each, duty), dues_of_facts(each.moves))
        for at, each in zip(times, [*columns, row], strict=True)
    ]


def _parsed(before: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(name, before.get(name)) for name in former_terms.TERMS}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name.endswith("_at"):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if name.endswith("_on") else value


def since(versions: list[TermsVersion], at: datetime) -> list[TermsVersion]:
    """Return the version that was known at an instant, and the later ones."""
    later = [each for each in versions if each.recorded_at > at]
    return versions[-len(later) - 1 :]


def keep_former(versions: Versions, *, as_of: datetime) -> None:
    """Keep every version of the terms of deadlines but the one that they have now."""
    rows = Deadline.objects.in_bulk(list(versions))
    corrections = []
    for pk, several in versions.items():
        now = {name: _plain(getattr(rows[pk], name)) for name in former_terms.TERMS}
        *former, last = [(each.recorded_at, _columns(each.scheduled)) for each in several]
        states = [*former, last] if last[1] != now else former
        ends = [at for at, _ in [*former, last][1:]] + [as_of]
        corrections += [
            Correction(deadline_id=pk, recorded_at=until, before=before)
            for (_, before), until in zip(states, ends, strict=False)
        ]
    insert(corrections)


def _columns(scheduled: ScheduledTerms) -> dict[str, Any]:
    columns = {**columns_of(scheduled), "is_withdrawn": False}
    return {name: _plain(value) for name, value in columns.items()}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


def _terms(duty: Duty, scheduled: ScheduledTerms) -> Terms:
    return Terms(
        begins_at=scheduled.begins_at,
        due=scheduled.due,
        kind=duty.kind,
        starts_at=scheduled.starts_at,
        is_endless=not duty.has_due_rule,
        target_quantity=duty.target_quantity,
        moves=scheduled.moves,
        is_start_presumed=scheduled.is_start_presumed,
        expires_at=expires_at(duty.ends_on, scheduled.timezone),
        target_bound=duty.target_bound,
    )


def _obligations_to_replay(known_from: Mapping[int, datetime]) -> set[int]:
    """Return the obligations of which the terms may have changed, and all that they depend on."""
    rows = Deadline.objects.order_by().filter(pk__in=known_from)
    new = dict(rows.values_list("obligation_id", "agreement_id").distinct())
    if not new:
        return set()
    agreements = set(new.values())
    depends_on: dict[int, set[int]] = defaultdict(set)
    on_milestones: dict[int, set[tuple[int, str]]] = defaultdict(set)
    for pk, on, agreement, ref in Dependency.objects.filter(
        obligation__agreement__in=agreements
    ).values_list("obligation_id", "on_id", "milestone__agreement_id", "milestone__ref"):
        if on is not None:
            depends_on[pk].add(on)
        else:
            on_milestones[pk].add((agreement, ref))
    datings: dict[tuple[int, str], int] = defaultdict(int)
    for agreement, ref in MilestoneDating.objects.filter(agreement__in=agreements).values_list(
        "agreement_id", "ref"
    ):
        datings[agreement, ref] += 1
    moved_by_facts = set(
        Fact.objects.filter(
            deadline__in=known_from, kind__in=[FactKind.EXTENSION, FactKind.TRIGGER]
        ).values_list("deadline__obligation_id", flat=True)
    )
    corrected = former_obligations.corrected(new)
    found = {
        pk
        for pk in new
        if depends_on[pk]
        or pk in corrected
        or pk in moved_by_facts
        or any(datings[key] > 1 for key in on_milestones[pk])
    }
    to_visit = list(found)
    while to_visit:
        sources = depends_on[to_visit.pop()] - found
        found |= sources
        to_visit += sources
    return found


def _sources(
    obligation_ids: Iterable[int],
) -> tuple[dict[int, dict[str, int]], dict[int, Sequence[int]]]:
    """Return what obligations depend on by ref, and the components that complete them."""
    sources: dict[int, dict[str, int]] = defaultdict(dict)
    rows = Dependency.objects.filter(obligation__in=obligation_ids, on__isnull=False)
    for pk, on, ref in rows.values_list("obligation_id", "on_id", "on__ref"):
        sources[pk][ref] = on
    components: dict[int, list[int]] = defaultdict(list)
    children = Obligation.objects.filter(parent__in=obligation_ids).select_related("parent")
    for each in children.order_by("id"):
        parent = each.parent
        if parent is not None and is_done_by_components(
            ObligationKind(parent.kind), parent.target_quantity
        ):
            components[parent.pk].append(each.pk)
    return sources, {pk: components[pk] for pk in obligation_ids}
