"""Stored facts as values of the domain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from compliance.domain.civil_time import UnknownTimeZone, day_end, day_start
from compliance.domain.deadlines.facts import Fact as DomainFact
from compliance.domain.deadlines.summaries import FactSummary
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import FactKind, Precision, Verdict
from compliance.models.bulk import array, fetch
from compliance.models.deadlines.facts import Fact
from compliance.models.deadlines.terms import dues_of_facts


def fact_of(
    row: Mapping[str, Any], timezone: str, dues: Mapping[int, Due] | None = None
) -> DomainFact:
    """Return a stored fact as a domain value.

    Civil days are authoritative; their instants follow the zone, which may have been corrected.
    The same goes for the due dates of extensions and triggers: `dues` holds the latest ones.

    Raises:
        UnknownTimeZone: the fact has a civil day, and the zone data no longer has the zone.
    """
    due = dues.get(row["id"]) if dues else None
    if due is None and row["due_at"] is not None:
        due = Due(
            due_on=row["due_on"],
            due_at=row["due_at"],
            unmet_at=row["unmet_at"],
            timezone=timezone,
        )
    return DomainFact(
        id=row["id"],
        kind=FactKind(row["kind"]),
        effective_at=day_start(row["effective_on"], timezone)
        if row["effective_on"]
        else row["effective_at"],
        effective_on=row["effective_on"],
        precision=Precision(row["precision"] or Precision.DAY),
        until_at=day_end(row["until_on"], timezone) if row["until_on"] else row["until_at"],
        until_on=row["until_on"],
        tolls=row["is_tolling"],
        is_of_agreement=row["agreement_id"] is not None,
        quantity=row["quantity"],
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        share=row["share"],
        is_final=row["is_final"],
        due=due,
        supersedes=row["supersedes_id"],
        recorded_at=row["recorded_at"],
    )


def fact_summaries(ids: Iterable[int | None]) -> dict[int, FactSummary]:
    """Return the values that an explanation needs of stored facts, by id. None means no fact."""
    rows = Fact.objects.filter(pk__in={each for each in ids if each is not None})
    rows = rows.select_related("successor__agreement", "approved_by")
    rows = rows.prefetch_related("evidence")
    return {fact.pk: fact_summary(fact) for fact in rows}


def fact_summary(fact: Fact) -> FactSummary:
    """Return the values that an explanation needs of a stored fact with its evidence loaded."""
    return FactSummary(
        kind=FactKind(fact.kind),
        effective_at=fact.effective_at,
        effective_on=fact.effective_on,
        precision=Precision(fact.precision or Precision.DAY),
        quantity=fact.quantity,
        verdict=Verdict(fact.verdict) if fact.verdict else None,
        share=fact.share,
        is_final=fact.is_final,
        successor=fact.successor_name,
        due_precision=Precision((fact.due or {}).get("precision") or Precision.DAY),
        note=fact.note,
        evidence=tuple(each.ref for each in fact.evidence.all()),
        approved_by="" if fact.approved_by is None else fact.approved_by.email,
    )


def facts_about(
    deadlines: Iterable[Any],
    *,
    surviving: Collection[int] = (),
    failures: dict[int, UnknownTimeZone] | None = None,
) -> dict[int, list[DomainFact]]:
    """Return the facts about deadlines by deadline id, including those about their agreements.

    `deadlines` are rows with `id`, `agreement_id`, `timezone` and `moves`. Facts about the
    agreement do not apply to the deadlines whose ids are in `surviving`.

    Args:
        failures: collects, by deadline, the errors that would otherwise be raised. Do not use the
            facts about these deadlines: some are missing.

    Raises:
        UnknownTimeZone: a fact has a civil day, and the zone data no longer has the zone.
    """
    rows = list(deadlines)

    def add(row: Any, fact: Mapping[str, Any], dues: Mapping[int, Due] | None = None) -> None:
        facts = found[row.id]
        try:
            facts.append(fact_of(fact, row.timezone, dues))
        except UnknownTimeZone as error:
            if failures is None:
                raise
            failures[row.id] = error

    found: dict[int, list[DomainFact]] = defaultdict(list)
    by_id = {row.id: row for row in rows}
    touched = {each for (each,) in fetch(_WITH_FACTS, ids=array(list(by_id)))}
    dues = {pk: dues_of_facts(by_id[pk].moves) for pk in touched}
    for fact in Fact.objects.filter(deadline_id__in=touched).values():
        pk = fact["deadline_id"]
        add(by_id[pk], fact, dues[pk])
    agreements = list({row.agreement_id for row in rows})
    affected = {each for (each,) in fetch(_AGREEMENTS_WITH_FACTS, ids=array(agreements))}
    if affected:
        general: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for fact in Fact.objects.filter(agreement_id__in=affected).values():
            general[fact["agreement_id"]].append(fact)
        for row in rows:
            if row.agreement_id in affected and row.id not in surviving:
                for each in general[row.agreement_id]:
                    add(row, each)
    return found


_WITH_FACTS = """
    SELECT DISTINCT deadline_id FROM compliance_fact WHERE deadline_id = ANY(%(ids)s::bigint[])
"""

_AGREEMENTS_WITH_FACTS = """
    SELECT DISTINCT agreement_id FROM compliance_fact WHERE agreement_id = ANY(%(ids)s::bigint[])
"""
