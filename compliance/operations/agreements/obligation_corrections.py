"""Correct stored obligations, any number at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db.models import QuerySet

from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.limits import MOST_PROBLEMS
from compliance.domain.problems import Invalid, Problem, collected_in, refusal
from compliance.domain.vocabulary import Capacity, FactKind, ObligationKind, TargetBound
from compliance.models import Agreement, Deadline, Fact, Obligation, ObligationParty
from compliance.models.bulk import insert, update
from compliance.models.locks import for_update
from compliance.operations.agreements import corrections, dependencies, responsibilities
from compliance.operations.agreements.obligation_checks import StoredAgreement
from compliance.operations.agreements.obligation_rows import columns_of
from compliance.operations.alerts import assignments
from compliance.operations.deadlines import schedule


def correct(
    *, agreement: Agreement, drafts: Mapping[str, ObligationDraft], as_of: datetime
) -> set[int]:
    """Correct obligations, and return the ids of the deadlines to refresh.

    The caller holds the lock of the agreement, and refreshes them in the same transaction.

    Args:
        drafts: the corrected obligations, by the path at which their problems are reported. Their
            refs are those of stored obligations.

    Raises:
        Invalid: as `obligations.update`, with every problem of every draft.
    """
    if not drafts:
        return set()
    refs = [draft.ref for draft in drafts.values()]
    rows = {each.ref: each for each in for_update(agreement.obligations.filter(ref__in=refs))}
    stored = StoredAgreement.load(agreement)
    stored.named = responsibilities.Named.load(drafts.values())
    _reject_invalid(stored, rows, drafts, as_of=as_of)
    parents = {each.parent_id for each in rows.values()}
    sides = _Sides.compare(stored, rows, drafts)
    names: set[str] = set()
    changed = []
    for draft in drafts.values():
        row, columns = rows[draft.ref], columns_of(draft)
        columns["parent_id"] = stored.refs[draft.parent] if draft.parent else None
        parents.add(columns["parent_id"])
        names |= columns.keys()
        if any(getattr(row, name) != value for name, value in columns.items()):
            changed.append((row, columns))
    touched = sides.obligation_ids | {row.pk for row, _ in changed}
    corrections.keep_obligations([row for row in rows.values() if row.pk in touched], as_of=as_of)
    for row, columns in changed:
        for name, value in columns.items():
            setattr(row, name, value)
    update([row for row, _ in changed], names)
    sides.store()
    # No term of the agreement: who is responsible is kept in the change history only.
    assigned = stored.named.replace(rows, drafts.values())
    assignments.announce_open_breaches(obligation_ids=assigned, as_of=as_of)
    own = {each.pk for each in rows.values()}
    ids = own.union(pk for pk in parents if pk is not None)
    dependencies.replace(agreement, ids)
    deadlines = Deadline.objects.filter(obligation__in=own).values_list("id", flat=True)
    try:
        return schedule.recompute(obligation_ids=ids, as_of=as_of) | set(deadlines)
    except schedule.UnresolvableRules as error:
        paths = {rows[draft.ref].pk: path for path, draft in drafts.items()}
        path = paths.get(error.obligation_id, "")
        raise Invalid(problem.below(path) for problem in error.problems) from None


def _reject_invalid(
    stored: StoredAgreement,
    rows: Mapping[str, Obligation],
    drafts: Mapping[str, ObligationDraft],
    *,
    as_of: datetime,
) -> None:
    facts = Fact.objects.filter(deadline__obligation__in=rows.values())
    recorded = _Recorded(
        with_deadlines=_obligation_ids(
            Deadline.objects.filter(obligation__in=rows.values(), is_withdrawn=False)
        ),
        with_facts=set(facts.values_list("deadline__obligation_id", flat=True).distinct()),
        with_parts=set(
            facts.filter(quantity__isnull=False)
            .values_list("deadline__obligation_id", flat=True)
            .distinct()
        ),
        with_performances=set(
            facts.filter(kind=FactKind.PERFORMANCE)
            .values_list("deadline__obligation_id", flat=True)
            .distinct()
        ),
    )
    problems: list[Problem] = []
    for path, draft in drafts.items():
        with collected_in(problems, path):
            recorded.check(rows[draft.ref], draft)
            if found := stored.problems_of(draft, as_of=as_of):
                raise Invalid(found)
    if not problems:
        for draft in drafts.values():
            stored.include(draft)
        problems = list(islice(stored.order_problems(drafts), MOST_PROBLEMS))
    if problems:
        raise Invalid(problems)


def _obligation_ids(deadlines: QuerySet[Deadline]) -> set[int]:
    return set(deadlines.values_list("obligation_id", flat=True).distinct())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Recorded:
    """What is recorded about obligations: which have deadlines, facts, and facts of some kinds."""

    with_deadlines: set[int]
    with_facts: set[int]
    with_parts: set[int]
    with_performances: set[int]

    def check(self, obligation: Obligation, draft: ObligationDraft) -> None:
        """Refuse a correction that contradicts what is recorded.

        Raises:
            Invalid: at the field.
        """
        is_undated = draft.due is None and draft.kind is ObligationKind.ACHIEVE
        if is_undated and obligation.pk in self.with_deadlines:
            sentence = "This obligation has a deadline: cancel the deadline, and keep the due rule."
            raise refusal("due", sentence)
        if draft.kind.value != obligation.kind and obligation.pk in self.with_facts:
            sentence = (
                f"Facts are recorded for this obligation, so it must stay an obligation to "
                f"{obligation.kind}: keep the kind."
            )
            raise refusal("kind", sentence)
        if draft.target_quantity is None and obligation.pk in self.with_parts:
            # Without a target any performance is complete, so a part would become the whole.
            sentence = (
                "Facts state parts of this target: restate it with a fact, but do not remove it."
            )
            raise refusal("target_quantity", sentence)
        is_ceiling = draft.target_bound is TargetBound.AT_MOST
        if is_ceiling and obligation.pk in self.with_performances:
            sentence = "Performances have been recorded, and a ceiling has none: keep at_least."
            raise refusal("target_bound", sentence)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sides:
    """The obligors and obligees to remove from obligations, and those to add."""

    removed: list[ObligationParty]
    added: list[ObligationParty]

    @classmethod
    def compare(
        cls,
        stored: StoredAgreement,
        rows: Mapping[str, Obligation],
        drafts: Mapping[str, ObligationDraft],
    ) -> _Sides:
        """Return how the parties of obligations differ from those of the drafts."""
        wanted = {
            (each.obligation_id, each.party_id, each.capacity): each
            for draft in drafts.values()
            for each in stored.sides(rows[draft.ref], draft)
        }
        removed = [
            each
            for each in ObligationParty.objects.filter(obligation__in=rows.values())
            if wanted.pop((each.obligation_id, each.party_id, Capacity(each.capacity)), None)
            is None
        ]
        return cls(removed=removed, added=[*wanted.values()])

    @property
    def obligation_ids(self) -> set[int]:
        """The obligations whose parties change."""
        return {each.obligation_id for each in (*self.removed, *self.added)}

    def store(self) -> None:
        """Remove and add the parties."""
        if self.removed:
            ObligationParty.objects.filter(pk__in=[each.pk for each in self.removed]).delete()
        insert(self.added)
