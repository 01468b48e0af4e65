"""Create and correct agreements, alone or together with their obligations."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from compliance.domain.agreements.drafts import (
    AgreementDraft,
)
from compliance.domain.alerts.drafts import dump_notification_policy
from compliance.domain.due_dates.calendar_names import CUSTOM_PREFIX
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.vocabulary import ProposedChange
from compliance.models import Agreement, AgreementParty, User
from compliance.models.bulk import insert
from compliance.models.due_dates.calendars import custom_calendars
from compliance.models.locks import lock_agreement
from compliance.operations.agreements import (
    corrections,
    milestones,
    party_merges,
)
from compliance.operations.agreements.agreement_rows import columns_of
from compliance.operations.agreements.memberships import read_members, roles_of, set_parties
from compliance.operations.agreements.surprises import refusing_surprises
from compliance.operations.agreements.visibility import refuse_taken_ref, set_visibility
from compliance.operations.deadlines import facts, projection, schedule
from compliance.operations.deadlines.approvals import Approval, Change, guarding


@transaction.atomic
def create(*, draft: AgreementDraft, as_of: datetime, by: User | None = None) -> Agreement:
    """Create an agreement between existing parties.

    Raises:
        Invalid: its ref is taken, or a party or custom calendar does not exist.
    """
    return add(draft=draft, as_of=as_of, by=by)


def add(
    *,
    draft: AgreementDraft,
    as_of: datetime,
    by: User | None,
    recorded_at: datetime | None = None,
    dating_times: milestones.DatingTimes = milestones.NOW,
) -> Agreement:
    """Create an agreement like `create`, in the transaction of the caller.

    Args:
        recorded_at: when the agreement became known, if that was before `as_of`.
        dating_times: when the dates of milestones became known, if that was later than the
            agreement.

    Raises:
        Invalid: its ref is taken, or a party, custom calendar or team does not exist.
    """
    refuse_taken_ref(draft.ref)
    members = read_members(draft.parties)
    party_merges.refuse_retired(
        (f"parties/{index}/code", party) for index, (party, _) in enumerate(members)
    )
    _check_calendars(draft)
    known_at = recorded_at or as_of
    agreement = Agreement.objects.create(
        created_at=as_of, recorded_at=known_at, **columns_of(draft)
    )
    insert([AgreementParty(agreement=agreement, party=party, role=role) for party, role in members])
    milestones.date_milestones(
        agreement=agreement,
        drafts=draft.milestones,
        by=by,
        as_of=known_at,
        times=dating_times,
    )
    set_visibility(agreement, draft.visibility, draft.teams, by=by)
    return agreement


@transaction.atomic
def update(
    *,
    agreement: Agreement,
    draft: AgreementDraft,
    as_of: datetime,
    by: User | None = None,
    is_confirmed: bool = True,
    approval: Approval | None = None,
) -> Agreement:
    """Correct an agreement. A new zone, calendar or milestone date moves the deadlines that use it.

    Args:
        is_confirmed: whether it may make deadlines unmet at once.

    Raises:
        Invalid: the ref changes, a party or custom calendar does not exist, the correction removes
            a party that has a role in an obligation or a milestone that a rule counts from, or it
            must be confirmed (at `confirm`).
        ApprovalNeeded: it weakens an obligation of an agreement that requires approval.
    """
    agreement = lock_agreement(agreement.pk)
    change = Change(
        kind=ProposedChange.CORRECTION, agreement_id=agreement.pk, drafts={"agreement": draft}
    )
    with (
        guarding([agreement.pk], change, approval),
        refusing_surprises(agreement, as_of=as_of, is_confirmed=is_confirmed),
    ):
        touched = correct(agreement, draft, by=by, as_of=as_of)
        projection.refresh(touched, as_of=as_of)
    agreement.refresh_from_db()
    return agreement


def correct(
    agreement: Agreement,
    draft: AgreementDraft,
    *,
    by: User | None,
    as_of: datetime,
    dating_times: milestones.DatingTimes = milestones.NOW,
) -> set[int]:
    """Correct an agreement like `update`, but return the ids of the deadlines to refresh.

    Args:
        dating_times: when the dates of milestones became known, if not now.
    """
    agreement = lock_agreement(agreement.pk)
    if draft.ref != agreement.ref:
        raise refusal("ref", f"The ref of an agreement cannot change. Keep {agreement.ref}.")
    members = read_members(draft.parties)
    _check_calendars(draft)
    columns = columns_of(draft)
    if roles_of(agreement) != {party.pk: role for party, role in members} or any(
        getattr(agreement, name) != value for name, value in columns.items()
    ):
        corrections.keep_agreement(agreement, as_of=as_of)
    set_parties(agreement, members)
    set_visibility(agreement, draft.visibility, draft.teams, by=by)
    defaults_changed = _defaults(agreement) != _defaults(draft)
    policy_changed = agreement.notification_policy != dump_notification_policy(
        draft.notification_policy
    )
    has_other_end = agreement.ends_on != draft.ends_on
    for name, value in columns.items():
        setattr(agreement, name, value)
    agreement.save()
    if policy_changed:
        projection.recheck_agreement(agreement_id=agreement.pk, as_of=as_of)
    moved = milestones.replace(
        agreement=agreement,
        drafts=draft.milestones,
        by=by,
        as_of=as_of,
        times=dating_times,
    )
    affected = agreement.obligations.filter(
        Q(dependencies__milestone__ref__in=moved)
        | Q(deadlines__facts__due__from__milestone__in=list(moved))
    )
    if defaults_changed:
        affected = agreement.obligations.all()
    recomputed = schedule.recompute(
        obligation_ids=set(affected.values_list("id", flat=True)), as_of=as_of
    )
    # Deadlines expire with the agreement.
    return recomputed | (facts.affected_deadlines(agreement) if has_other_end else set())


def _defaults(agreement: Agreement | AgreementDraft) -> tuple[object, ...]:
    """Return the values of an agreement that its due rules use by default."""
    return (
        agreement.timezone,
        list(agreement.calendars),
        agreement.in_force_on or agreement.signed_on,
        agreement.ends_on,
    )


def _check_calendars(draft: AgreementDraft) -> None:
    custom = [
        (index, name)
        for index, name in enumerate(draft.calendars)
        if name.startswith(CUSTOM_PREFIX)
    ]
    known = custom_calendars() if custom else {}
    problems = [
        Problem(
            path=f"calendars/{index}", detail=f"Calendar {name} does not exist. Create it first."
        )
        for index, name in custom
        if name not in known
    ]
    if problems:
        raise Invalid(problems)
