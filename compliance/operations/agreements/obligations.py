"""Store and correct obligations, and the deadlines that follow from their due rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import transaction

from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.limits import MOST_NEW_DEADLINES, MOST_PROBLEMS
from compliance.domain.problems import Invalid, Problem, placed_at, refusal
from compliance.domain.vocabulary import Announcement, ProposedChange
from compliance.models import Agreement, Deadline, Obligation
from compliance.models.bulk import insert, next_ids
from compliance.models.locks import lock_agreement
from compliance.operations.agreements import (
    dependencies,
    obligation_corrections,
    responsibilities,
)
from compliance.operations.agreements.obligation_checks import StoredAgreement
from compliance.operations.agreements.obligation_rows import columns_of
from compliance.operations.agreements.surprises import refusing_surprises
from compliance.operations.deadlines import projection, schedule
from compliance.operations.deadlines.approvals import Approval, Change, guarding


@transaction.atomic
def create(
    *,
    agreement: Agreement,
    draft: ObligationDraft,
    as_of: datetime,
    announcement: Announcement = Announcement.SUMMARY,
    approval: Approval | None = None,
) -> Obligation:
    """Store an obligation and its deadlines, projected as of `as_of`.

    Args:
        announcement: how breaches that began before `as_of` are announced.
        approval: of a second person, if the agreement requires it.

    Raises:
        Invalid: the ref is taken, an obligor or obligee is not a party to the agreement, the
            parent does not exist, a rule cannot be resolved, or there is a cycle.
        ApprovalNeeded: it would become a component of an obligation that requires approval.
    """
    agreement = lock_agreement(agreement.pk)
    drafts = {"obligations": [draft], "announcement": announcement}
    change = Change(kind=ProposedChange.CORRECTION, agreement_id=agreement.pk, drafts=drafts)
    # Only a component can weaken an obligation that is already there.
    weakened = [] if draft.parent is None else [agreement.pk]
    with guarding(weakened, change, approval):
        stored = store(agreement=agreement, drafts={"": draft}, as_of=as_of)
        set_announcement(stored.obligations, announcement)
        projection.refresh(stored.touched, as_of=as_of)
    [obligation] = stored.obligations
    return obligation


@transaction.atomic
def update(
    *,
    obligation: Obligation,
    draft: ObligationDraft,
    as_of: datetime,
    is_confirmed: bool = True,
    approval: Approval | None = None,
) -> Obligation:
    """Correct an obligation. A corrected due rule moves its deadlines, and the ledger records it.

    A change that the parties agreed on is not a correction: record an extension instead.

    Args:
        is_confirmed: whether it may make deadlines unmet at once.

    Raises:
        Invalid: as `create`; also if the ref differs, if the due rule of an obligation with
            deadlines is removed, if the kind of an obligation with facts changes, or if it must be
            confirmed (at `confirm`).
        ApprovalNeeded: it weakens an obligation of an agreement that requires approval.
    """
    agreement = lock_agreement(obligation.agreement_id)
    change = Change(
        kind=ProposedChange.CORRECTION,
        agreement_id=agreement.pk,
        drafts={"obligations": [draft]},
    )
    if draft.ref != obligation.ref:
        raise refusal("ref", f"The ref of an obligation cannot change: use {obligation.ref}.")
    with (
        guarding([agreement.pk], change, approval),
        refusing_surprises(agreement, as_of=as_of, is_confirmed=is_confirmed),
    ):
        touched = obligation_corrections.correct(
            agreement=agreement, drafts={"": draft}, as_of=as_of
        )
        projection.refresh(touched, as_of=as_of)
    obligation.refresh_from_db()
    return obligation


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """New obligations, and the ids of the deadlines that were created or moved for them."""

    obligations: list[Obligation]
    touched: set[int]


def store(
    *,
    agreement: Agreement,
    drafts: Mapping[str, ObligationDraft],
    as_of: datetime,
    is_first: bool = False,
    recorded_at: Mapping[str, datetime] | None = None,
) -> Stored:
    """Store obligations without refreshing their deadlines.

    The caller holds the lock of the agreement, and refreshes the changed deadlines in the same
    transaction.

    Args:
        drafts: the obligations, by the path at which their problems are reported.
        is_first: the agreement has no obligations yet.
        recorded_at: when obligations became known, if that was before `as_of`, by ref.

    Raises:
        Invalid: with every problem of every draft, `MOST_PROBLEMS` at most.
    """
    if not drafts:
        return Stored(obligations=[], touched=set())
    stored = StoredAgreement.load(agreement, is_empty=is_first)
    stored.named = responsibilities.Named.load(drafts.values())
    _reject_invalid(stored, drafts, as_of=as_of)
    known = recorded_at or {}
    known_from = {each.ref: known.get(each.ref, as_of) for each in drafts.values()}
    # Drawn in advance, because an obligation may be stored before its parent.
    ids = next_ids(Obligation, len(drafts))
    stored.refs.update(zip((draft.ref for draft in drafts.values()), ids, strict=True))
    obligations = _insert(stored, dict(zip(ids, drafts.values(), strict=True)), known_from)
    parents = {each.parent_id for each in obligations if each.parent_id is not None}
    paths = {each.pk: path for each, path in zip(obligations, drafts, strict=True)}
    try:
        if any(stored.depends(draft) for draft in drafts.values()):
            dependencies.replace(agreement, {*paths, *parents})
            touched = schedule.recompute(obligation_ids=[*paths, *parents], as_of=as_of)
        else:
            touched = schedule.reschedule(paths, as_of=as_of).touched
    except schedule.UnresolvableRules as error:
        path = paths.get(error.obligation_id, "")
        raise Invalid(problem.below(path) for problem in error.problems) from None
    return Stored(obligations=obligations, touched=touched)


def _insert(
    stored: StoredAgreement,
    drafts: Mapping[int, ObligationDraft],
    recorded_at: Mapping[str, datetime],
) -> list[Obligation]:
    """Store obligations by id, with their parties and those who are responsible."""
    obligations = [
        Obligation(
            pk=pk,
            agreement=stored.agreement,
            recorded_at=recorded_at[draft.ref],
            parent_id=stored.refs[draft.parent] if draft.parent else None,
            **columns_of(draft),
        )
        for pk, draft in drafts.items()
    ]
    pairs = [*zip(obligations, drafts.values(), strict=True)]
    insert(obligations)
    insert([side for obligation, draft in pairs for side in stored.sides(obligation, draft)])
    insert([each for obligation, draft in pairs for each in stored.named.rows(obligation, draft)])
    return obligations


def set_announcement(obligations: Sequence[Obligation], announcement: Announcement) -> None:
    """Set how breaches of new obligations that began before their entry are announced.

    The caller has stored the obligations, and refreshes their deadlines afterwards.
    """
    if announcement is not Announcement.SUMMARY:
        created = Deadline.objects.filter(obligation__in=obligations)
        created.update(announcement=announcement.value)


def _reject_invalid(
    stored: StoredAgreement, drafts: Mapping[str, ObligationDraft], *, as_of: datetime
) -> None:
    others = {draft.ref for draft in drafts.values()}
    problems: list[Problem] = []
    for path, draft in drafts.items():
        try:
            with placed_at(path):
                found = stored.problems_of(draft, others=others, as_of=as_of)
        except Invalid as error:
            # There are too many deadlines. The problems found so far remain true.
            problems += error.problems
            break
        problems += [problem.below(path) for problem in found]
        # Rules with too many dates are expensive to refuse, one by one.
        if len(problems) >= MOST_PROBLEMS or stored.refused_dates > MOST_NEW_DEADLINES:
            break
    for path, draft in drafts.items():
        if draft.ref in stored.refs:
            detail = f"{stored.agreement.ref} already has an obligation {draft.ref}: choose another"
            problems.append(Problem(path="ref", detail=f"{detail} ref.").below(path))
        stored.refs.setdefault(draft.ref, 0)
        stored.include(draft)
    if not problems:
        problems = list(islice(stored.order_problems(drafts), MOST_PROBLEMS))
    if problems:
        raise Invalid(problems)
    stored.check_number(drafts)
