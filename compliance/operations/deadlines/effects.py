"""Say which records change nothing, so that none is ignored silently.

Each function returns sentences for whoever recorded something. They store nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from compliance.domain.civil_time import UnknownTimeZone
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.deadlines.effects import (
    LASTING,
    SETTING,
    position_without_effect,
    without_effect,
)
from compliance.domain.deadlines.facts import Fact as DomainFact
from compliance.domain.deadlines.positions import Position as DomainPosition
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.drafts import read
from compliance.domain.phrases import counted
from compliance.domain.problems import Problem
from compliance.domain.vocabulary import Verdict
from compliance.models import Agreement, Deadline, Fact, MilestoneDating, Position, Proposal
from compliance.models.deadlines.fact_values import facts_about
from compliance.models.deadlines.terms import Duty, duty_of, terms_of
from compliance.operations.deadlines import facts as fact_operations
from compliance.operations.deadlines import outlying_dates
from compliance.operations.deadlines.deadline_rows import DeadlineRow
from compliance.operations.deadlines.projection_inputs import with_duties

# How many deadlines are loaded at a time, and how many warnings are given.
_BATCH = 10_000
MOST_WARNINGS = 100

# How many facts may be projected to compare timelines. A deadline has few facts; this bounds the
# work for one with thousands.
_MOST_PROJECTED = 200_000


def warnings_about(fact: Fact) -> list[str]:
    """Return what a stored fact does not change, in sentences."""
    if fact.deadline_id is None:
        return list(_of_agreement_facts([fact], _Budget()).values())
    rows = with_duties([fact.deadline_id])
    return [each.detail for each in _of_deadlines(rows, {fact.pk: ""}, _Budget())]


def warnings_of_proposal(proposal: Proposal) -> list[str]:
    """Return what the fact of a new proposal would not change if it were recorded now."""
    deadline = proposal.deadline
    if deadline is None:
        return []
    draft = read(FactDraft, proposal.draft)
    terms, facts = fact_operations.suppose(
        deadline=deadline, drafts=[draft], as_of=proposal.proposed_at
    )
    return list(_sentences(terms, facts, facts[-1:], deadline.timezone))


def warnings_about_dates(agreement: Agreement, *, as_of: datetime) -> list[str]:
    """Return what the dates of an agreement that was stored at `as_of` do not do as expected.

    This names the milestones dated then from which nothing counts, and the number of deadlines that
    its end cancels.
    """
    datings = MilestoneDating.objects.filter(agreement=agreement, recorded_at=as_of)
    refs = set(datings.values_list("ref", flat=True))
    unused = warnings_about_milestones(agreement, refs)
    return [*unused.values(), *outlying_dates.warnings_about_end(agreement, as_of=as_of)]


def warnings_of_import(facts: Mapping[int, str], positions: Mapping[int, str]) -> list[Problem]:
    """Return which of these new facts and positions change nothing, and why.

    Args:
        facts: the path in the document by the id of the fact.
        positions: the same of positions.

    Returns:
        A path and a sentence for each, `MOST_WARNINGS` at most; a last one counts the others.
    """
    found: list[Problem] = []
    budget = _Budget()
    deadlines = set(
        Fact.objects.filter(pk__in=facts, deadline__isnull=False).values_list("deadline", flat=True)
    )
    for ids in _batches(sorted(deadlines)):
        found += _of_deadlines(with_duties(ids), facts, budget)
    general = list(Fact.objects.filter(pk__in=facts, agreement__isnull=False).order_by("id"))
    for pk, sentence in _of_agreement_facts(general, budget).items():
        found.append(Problem(path=facts[pk], detail=sentence))
    for position_id, sentence in _warnings_about_positions(positions):
        found.append(Problem(path=positions[position_id], detail=sentence))
    if len(found) > MOST_WARNINGS:
        rest = counted(len(found) - MOST_WARNINGS, "more record")
        others = Problem(path="", detail=f"There is a warning about {rest}.")
        found = [*found[:MOST_WARNINGS], others]
    if budget.skipped:
        skipped = counted(budget.skipped, "fact")
        detail = f"Whether {skipped} change anything was not checked, because there are too many."
        found.append(Problem(path="", detail=detail))
    return found


def warnings_about_position(position: Position) -> list[str]:
    """Return why a stored position does not count, in sentences."""
    return [sentence for _, sentence in _warnings_about_positions([position.pk])]


def _batches(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[first : first + _BATCH] for first in range(0, len(ids), _BATCH))


class _Budget:
    """How many facts may still be projected, and how many were skipped for that."""

    def __init__(self) -> None:
        self.left = _MOST_PROJECTED
        self.skipped = 0

    def allows(self, count: int) -> bool:
        """Return whether this many facts may be projected, and count them."""
        if count > self.left:
            self.skipped += 1
            return False
        self.left -= count
        return True


def _of_deadlines(
    deadlines: Sequence[tuple[DeadlineRow, Duty]], paths: Mapping[int, str], budget: _Budget
) -> list[Problem]:
    """Return the warnings about these of the facts about deadlines, by path."""
    surviving = {row.id for row, duty in deadlines if duty.survives_termination}
    failures: dict[int, UnknownTimeZone] = {}
    rows = [row for row, _ in deadlines]
    facts = facts_about(rows, surviving=surviving, failures=failures)
    found = []
    for row, duty in deadlines:
        if row.id in failures:
            continue
        terms, about = terms_of(row, duty), facts.get(row.id, [])
        new = [each for each in about if each.id in paths and not each.is_of_agreement]
        if len(new) > 1:
            new = _doubtful(terms, about, new)
        for fact in new:
            # Two projections decide, and a few more find the reason.
            if budget.allows(4 * len(about)):
                found += [
                    Problem(path=paths[fact.id], detail=each)
                    for each in _sentences(terms, about, [fact], row.timezone)
                ]
    return found


def _doubtful(
    terms: Terms, about: Sequence[DomainFact], new: Sequence[DomainFact]
) -> list[DomainFact]:
    """Return the facts that may change nothing: most facts are named as causes of the timeline."""
    try:
        causes = {each.fact_id for each in project(terms, about).transitions}
    except (ValueError, ArithmeticError):
        return []
    return [each for each in new if each.id not in causes or each.kind in SETTING | LASTING]


def _sentences(
    terms: Terms, about: Sequence[DomainFact], new: Iterable[DomainFact], timezone: str
) -> Iterable[str]:
    for fact in new:
        try:
            sentence = without_effect(terms, about, fact, timezone=timezone)
        except (ValueError, ArithmeticError):
            # The deadline is quarantined, and its error says why.
            continue
        if sentence is not None:
            yield sentence


def _of_agreement_facts(general: Sequence[Fact], budget: _Budget) -> dict[int, str]:
    """Return which of these facts about one agreement change none of its deadlines, and why."""
    if not general:
        return {}
    reasons: dict[int, str] = {}
    pending = {each.pk for each in general}
    affected = Deadline.objects.filter(
        agreement=general[0].agreement_id, obligation__survives_termination=False
    )
    # The deadlines that a fact changed are most likely those whose status began last.
    order = affected.order_by("-status_since", "id").values_list("id", flat=True)
    for ids in _batches(list(order)):
        rows = list(Deadline.objects.filter(pk__in=ids).select_related("obligation__agreement"))
        facts = facts_about(rows, failures={})
        for row in rows:
            about = facts.get(row.pk, [])
            terms = terms_of(row, duty_of(row.obligation))
            for fact in [each for each in about if each.id in pending]:
                if not budget.allows(4 * len(about)):
                    pending.discard(fact.id)
                    continue
                sentences = list(_sentences(terms, about, [fact], row.timezone))
                if any("changes nothing:" in each for each in sentences):
                    reasons.setdefault(fact.id, f"No deadline changes. For example: {sentences[0]}")
                else:
                    pending.discard(fact.id)
        if not pending:
            break
    return {
        each.pk: reasons.get(each.pk)
        or f"The {each.kind} changes nothing: no deadline of the agreement is affected by it."
        for each in general
        if each.pk in pending
    }


def _warnings_about_positions(ids: Iterable[int]) -> list[tuple[int, str]]:
    """Return the ids of positions that a position known before overrides, with sentences."""
    wanted = set(ids)
    deadlines = Position.objects.filter(pk__in=wanted).values("deadline")
    rows = Position.objects.filter(deadline__in=deadlines).select_related("party", "deadline")
    latest: dict[tuple[int, int], Position] = {}
    for row in rows.order_by("stated_at", "id"):
        latest[row.deadline_id, row.party_id] = row
    found = []
    for row in rows:
        last = latest[row.deadline_id, row.party_id]
        if row.pk in wanted and last.recorded_at < row.recorded_at:
            sentence = position_without_effect(
                [_position_of(last), _position_of(row)],
                _position_of(row),
                party=row.party.code,
                timezone=row.deadline.timezone,
            )
            if sentence is not None:
                found.append((row.pk, sentence))
    return found


def _position_of(row: Position) -> DomainPosition:
    return DomainPosition(
        id=row.pk,
        party_id=row.party_id,
        verdict=Verdict(row.verdict),
        stated_at=row.stated_at,
        share=row.share,
    )


def warnings_about_milestones(agreement: Agreement, refs: Collection[str]) -> dict[str, str]:
    """Return which of these milestones have a date from which nothing counts, with sentences."""
    unused = agreement.milestones.filter(ref__in=refs, dependents__isnull=True).order_by("id")
    rules = agreement.milestones.filter(due__isnull=False).values_list(
        "due__from__milestone", flat=True
    )
    counted_from = [ref for ref in rules if ref]
    dated = [
        each.ref
        for each in unused
        if (each.on or each.at or each.dates) and each.ref not in counted_from
    ]
    if not dated:
        return {}
    of_extensions = set(
        Fact.objects.filter(
            deadline__agreement=agreement, due__from__milestone__in=dated
        ).values_list("due__from__milestone", flat=True)
    )
    return {
        ref: f"The date of milestone {ref} changes nothing: no obligation counts from it."
        for ref in dated
        if ref not in of_extensions
    }
