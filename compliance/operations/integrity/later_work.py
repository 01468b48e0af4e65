"""Refuse to purge an import if records that were made later depend on what it created."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import F, Model, QuerySet

from compliance.domain.deadlines.dependencies import references
from compliance.domain.due_dates.due_rules import load_due_rule
from compliance.domain.phrases import counted
from compliance.domain.problems import refusal
from compliance.models import (
    Agreement,
    Correction,
    Dependency,
    Evidence,
    EvidenceFile,
    Fact,
    Milestone,
    MilestoneDating,
    Obligation,
    Position,
    Proposal,
)
from compliance.operations.integrity.purges import Rows

MOST_NAMED = 5
"""How many of the later records a refusal names."""


def refuse(rows: Rows, created: Rows, *, agreement: Agreement) -> None:
    """Refuse a purge if later records depend on the created rows.

    Acknowledgements, silences, subscriptions and calendar feeds do not count: they are
    removed with what they refer to.

    Args:
        rows: the rows that the purge would remove.
        created: the rows that the import created.

    Raises:
        Invalid: names the later records.
    """
    found = list(dict.fromkeys(_later(rows, created, agreement)))
    if not found:
        return
    named = "; ".join(found[:MOST_NAMED])
    rest = len(found) - MOST_NAMED
    if rest > 0:
        named += f"; and {counted(rest, 'more record')}"
    sentence = (
        f"Later records depend on what this import created: {named}. Purge what added them first, "
        f"or purge agreement {agreement.ref}."
    )
    raise refusal("", sentence)


def _later(rows: Rows, created: Rows, agreement: Agreement) -> Iterator[str]:
    """Yield a phrase for each later record, the most important ones first."""
    yield from _terms(rows, created)
    yield from _redated(created, agreement)
    yield from _records(rows, created)
    yield from _counting(created, agreement)
    yield from _links(rows)
    pending = Proposal.objects.filter(pk__in=rows.get(Proposal, ()), decided_at=None)
    for proposal in pending.order_by("id"):
        yield f"a pending proposal of a {proposal.kind}"
    corrections = Correction.objects.filter(pk__in=rows.get(Correction, ()), deadline=None)
    for correction in corrections.select_related("obligation", "agreement").order_by("id"):
        what = correction.obligation or correction.agreement
        yield f"a correction of {what.ref if what else agreement.ref}"


def _others(model: type[Model], rows: Rows, created: Rows) -> QuerySet[Any]:
    """Return the rows of a model that the purge would remove, but that others added."""
    ids = set(rows.get(model, ())) - set(created.get(model, ()))
    return model._base_manager.filter(pk__in=ids).order_by("pk")


def _terms(rows: Rows, created: Rows) -> Iterator[str]:
    for obligation in _others(Obligation, rows, created):
        yield f"obligation {obligation.ref}"
    depending = Dependency.objects.filter(pk__in=rows.get(Dependency, ()))
    depending = depending.exclude(obligation__in=rows.get(Obligation, ()))
    # A parent depends on its components, but does not name them.
    depending = depending.exclude(on__parent=F("obligation"))
    for dependency in depending.select_related("obligation"):
        yield f"the rule of obligation {dependency.obligation.ref}"
    for milestone in _others(Milestone, rows, created):
        yield f"milestone {milestone.ref}"


def _records(rows: Rows, created: Rows) -> Iterator[str]:
    for fact in _others(Fact, rows, created):
        yield _fact(fact)
    for position in _others(Position, rows, created).select_related("party"):
        yield f"a position of {position.party.code}"
    for each in _others(Evidence, rows, created):
        yield f"evidence {each.ref}"
    files = EvidenceFile.objects.filter(pk__in=rows.get(EvidenceFile, ()))
    for file in files.select_related("evidence").order_by("id"):
        yield f"a file of evidence {file.evidence.ref}"


def _redated(created: Rows, agreement: Agreement) -> Iterator[str]:
    refs = Milestone.objects.filter(pk__in=created.get(Milestone, ())).values_list("ref", flat=True)
    later = MilestoneDating.objects.filter(agreement=agreement, ref__in=list(refs))
    for dating in later.exclude(pk__in=created.get(MilestoneDating, ())).order_by("id"):
        yield f"another date of milestone {dating.ref}"


def _counting(created: Rows, agreement: Agreement) -> Iterator[str]:
    """Yield the later facts whose rule counts from a created milestone or obligation."""
    milestones = set(
        Milestone.objects.filter(pk__in=created.get(Milestone, ())).values_list("ref", flat=True)
    )
    obligations = set(
        Obligation.objects.filter(pk__in=created.get(Obligation, ())).values_list("ref", flat=True)
    )
    if not milestones and not obligations:
        return
    ruled = Fact.objects.filter(deadline__agreement=agreement, due__isnull=False)
    for fact in ruled.exclude(pk__in=created.get(Fact, ())).order_by("id"):
        named = references(load_due_rule(fact.due))
        if named.milestones & milestones or named.obligations & obligations:
            yield _fact(fact)


def _links(rows: Rows) -> Iterator[str]:
    """Yield the later records that cite created evidence, or refer to what was created."""
    links: Any
    for model, links, name in (
        (Fact, Fact.evidence.through, "fact"),
        (Position, Position.evidence.through, "position"),
        (Evidence, Evidence.obligations.through, "evidence"),
        (Evidence, Evidence.deadlines.through, "evidence"),
    ):
        citing = links.objects.filter(pk__in=rows.get(links, ()))
        ids = citing.exclude(**{f"{name}__in": rows.get(model, ())}).values(name)
        for each in model._base_manager.filter(pk__in=ids).order_by("pk"):
            if isinstance(each, Fact):
                yield _fact(each)
            elif isinstance(each, Evidence):
                yield f"evidence {each.ref}"
            else:
                yield f"a position of {each.party.code}"


def _fact(fact: Fact) -> str:
    return f"{fact.kind} {fact.pk} of {fact.effective_at:%Y-%m-%d}"
