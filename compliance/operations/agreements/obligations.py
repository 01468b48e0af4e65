"""Store and correct obligations, and the deadlines that follow from their due rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.db.models import QuerySet

from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.alerts.drafts import dump_notification_policy
from compliance.domain.due_dates.due_rules import dump_due_rule, dump_grace
from compliance.domain.limits import MOST_PROBLEMS
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.vocabulary import Announcement, ObligationKind
from compliance.models import Agreement, Deadline, Fact, Obligation
from compliance.models.bulk import insert, next_ids
from compliance.models.locks import for_update, lock_agreement
from compliance.operations.agreements import corrections, dependencies
from compliance.operations.agreements.obligation_checks import StoredAgreement
from compliance.operations.deadlines import projection, schedule


@transaction.atomic
def create(
    *,
    agreement: Agreement,
    draft: ObligationDraft,
    as_of: datetime,
    announcement: Announcement = Announcement.SUMMARY,
) -> Obligation:
    """Store an obligation and its deadlines, projected as of `as_of`.

    Args:
        announcement: how breaches are announced that began before `as_of`.

    Raises:
        Invalid: the ref is taken, an obligor or obligee is not a party to the agreement, the
            parent does not exist, a rule cannot be resolved, or there is a cycle.
    """
    agreement = lock_agreement(agreement.pk)
    stored = store(agreement=agreement, drafts={"": draft}, as_of=as_of)
    set_announcement(stored.obligations, announcement)
    projection.refresh(stored.touched, as_of=as_of)
    [obligation] = stored.obligations
    return obligation


@transaction.atomic
def update(*, obligation: Obligation, draft: ObligationDraft, as_of: datetime) -> Obligation:
    """Correct an obligation. A corrected due rule moves its deadlines, and the ledger records it.

    A change that the parties agreed on is not a correction: record an extension instead.

    Raises:
        Invalid: as `create`; also if the ref differs, if the due rule of an obligation with
            deadlines is removed, or if the kind of an obligation with facts changes.
    """
    agreement = lock_agreement(obligation.agreement_id)
    touched = correct(agreement=agreement, obligation=obligation, draft=draft, as_of=as_of)
    projection.refresh(touched, as_of=as_of)
    obligation.refresh_from_db()
    return obligation


def correct(
    *, agreement: Agreement, obligation: Obligation, draft: ObligationDraft, as_of: datetime
) -> set[int]:
    """Correct an obligation like `update`, but return the ids of the deadlines to refresh.

    The caller holds the lock of the agreement, and refreshes them in the same transaction.

    Raises:
        Invalid: as `update`.
    """
    obligation = for_update(Obligation.objects.all()).get(pk=obligation.pk)
    _reject_incompatible(obligation, draft)
    stored = StoredAgreement.load(agreement)
    problems = stored.problems_of(draft, as_of=as_of)
    if not problems:
        stored.include(draft)
        problems = list(stored.order_problems({"": draft}))
    if problems:
        raise Invalid(problems)
    former_parent = obligation.parent_id
    columns = _columns(draft)
    columns["parent_id"] = stored.refs[draft.parent] if draft.parent else None
    wanted = {(each.party_id, each.capacity): each for each in stored.sides(obligation, draft)}
    sides = list(obligation.sides.all())
    if {(each.party_id, each.capacity) for each in sides} != wanted.keys() or any(
        getattr(obligation, name) != value for name, value in columns.items()
    ):
        corrections.keep_obligations([obligation], as_of=as_of)
    for name, value in columns.items():
        setattr(obligation, name, value)
    obligation.save()
    for side in sides:
        if wanted.pop((side.party_id, side.capacity), None) is None:
            side.delete()
    insert([*wanted.values()])
    parents = [pk for pk in (former_parent, obligation.parent_id) if pk is not None]
    dependencies.replace(agreement, {obligation.pk, *parents})
    return recompute(obligation_ids=[obligation.pk, *parents], as_of=as_of) | set(
        obligation.deadlines.values_list("id", flat=True)
    )


def _reject_incompatible(obligation: Obligation, draft: ObligationDraft) -> None:
    if draft.ref != obligation.ref:
        raise refusal("ref", f"The ref of an obligation cannot change: use {obligation.ref}.")
    is_undated = draft.due is None and draft.kind is ObligationKind.ACHIEVE
    if is_undated and obligation.deadlines.exclude(is_withdrawn=True).exists():
        sentence = "This obligation has a deadline: cancel the deadline, and keep the due rule."
        raise refusal("due", sentence)
    if draft.kind.value != obligation.kind and _facts(obligation).exists():
        sentence = (
            f"Facts are recorded for this obligation, so it must stay an obligation to "
            f"{obligation.kind}: keep the kind."
        )
        raise refusal("kind", sentence)
    if draft.target_quantity is None and _facts(obligation).filter(quantity__isnull=False).exists():
        # Without a target any performance is complete, so a part would become the whole.
        sentence = "Facts state parts of this target: restate it with a fact, but do not remove it."
        raise refusal("target_quantity", sentence)


def recompute(*, obligation_ids: Iterable[int], as_of: datetime) -> set[int]:
    """Recompute the due dates of obligations and of all obligations that depend on them.

    Returns the ids of the changed deadlines; the caller refreshes them in the same transaction.

    Raises:
        Invalid: a rule cannot be resolved in the zone or with the calendars that apply now.
    """
    touched: set[int] = set()
    for level in schedule.levels(obligation_ids):
        touched |= schedule.reschedule(level, as_of=as_of).touched
    return touched


def _facts(obligation: Obligation) -> QuerySet[Fact]:
    return Fact.objects.filter(deadline__obligation=obligation)


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
    _reject_invalid(stored, drafts, as_of=as_of)
    known = recorded_at or {}
    # Drawn in advance, because an obligation may be stored before its parent.
    ids = next_ids(Obligation, len(drafts))
    stored.refs.update(zip((draft.ref for draft in drafts.values()), ids, strict=True))
    obligations = [
        Obligation(
            pk=pk,
            agreement=agreement,
            recorded_at=known.get(draft.ref, as_of),
            parent_id=stored.refs[draft.parent] if draft.parent else None,
            **_columns(draft),
        )
        for pk, draft in zip(ids, drafts.values(), strict=True)
    ]
    insert(obligations)
    insert(
        [
            side
            for obligation, draft in zip(obligations, drafts.values(), strict=True)
            for side in stored.sides(obligation, draft)
        ]
    )
    parents = {each.parent_id for each in obligations if each.parent_id is not None}
    paths = {each.pk: path for each, path in zip(obligations, drafts, strict=True)}
    try:
        if any(stored.depends(draft) for draft in drafts.values()):
            dependencies.replace(agreement, {*paths, *parents})
            touched = recompute(obligation_ids=[*paths, *parents], as_of=as_of)
        else:
            touched = schedule.reschedule(paths, as_of=as_of).touched
    except schedule.UnresolvableRules as error:
        path = paths.get(error.obligation_id, "")
        raise Invalid(problem.below(path) for problem in error.problems) from None
    return Stored(obligations=obligations, touched=touched)


def set_announcement(obligations: Sequence[Obligation], announcement: Announcement) -> None:
    """Set how breaches of new obligations are announced that began before their entry.

    The caller has stored the obligations, and refreshes their deadlines afterwards.
    """
    if announcement is not Announcement.SUMMARY:
        created = Deadline.objects.filter(obligation__in=obligations)
        created.update(announcement=announcement.value)


def _reject_invalid(
    stored: StoredAgreement, drafts: Mapping[str, ObligationDraft], *, as_of: datetime
) -> None:
    others = {draft.ref for draft in drafts.values()}
    found = (
        problem.below(path)
        for path, draft in drafts.items()
        for problem in stored.problems_of(draft, others=others, as_of=as_of)
    )
    problems = list(islice(found, MOST_PROBLEMS))
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


def _columns(draft: ObligationDraft) -> dict[str, object]:
    return {
        "ref": draft.ref,
        "title": draft.title,
        "text": draft.text,
        "clause": draft.clause,
        "kind": draft.kind.value,
        "due": dump_due_rule(draft.due) if draft.due else None,
        "grace": dump_grace(draft.grace) if draft.grace else None,
        "binds_on": draft.binds_on,
        "starts": dump_due_rule(draft.starts) if draft.starts else None,
        "survives_termination": draft.survives_termination,
        "severity": draft.severity.value,
        "tags": list(draft.tags),
        "owner": draft.owner,
        "roll_up": draft.roll_up.value,
        "roll_up_share": draft.roll_up_share,
        "target_quantity": draft.target_quantity,
        "unit": draft.unit,
        "notification_policy": dump_notification_policy(draft.notification_policy),
    }
