"""Writing agreements: one at a time, or whole from a document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from compliance.domain.agreements.drafts import (
    AgreementDraft,
    MembershipDraft,
    MilestoneDraft,
    ObligationDraft,
)
from compliance.domain.alerts.drafts import dump_notification_policy
from compliance.domain.due_dates.calendar_names import CUSTOM_PREFIX
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.models import Agreement, AgreementParty, Milestone, ObligationParty, Party
from compliance.models.due_dates.calendars import custom_calendars
from compliance.models.locks import lock_agreement
from compliance.operations.agreements import obligations
from compliance.operations.deadlines import projection


@transaction.atomic
def create(*, draft: AgreementDraft, as_of: datetime) -> Agreement:
    """Store a new agreement between stored parties.

    Raises:
        Invalid: its ref is taken, or a party is not stored.
    """
    if Agreement.objects.filter(ref=draft.ref).exists():
        raise refusal("ref", f"There is already an agreement {draft.ref}: choose another ref.")
    members = _members(draft.parties)
    _refuse_unknown_calendars(draft)
    agreement = Agreement.objects.create(created_at=as_of, **_columns(draft))
    AgreementParty.objects.bulk_create(
        AgreementParty(agreement=agreement, party=party, role=role) for party, role in members
    )
    _set_milestones(agreement, draft.milestones)
    return agreement


@transaction.atomic
def update(*, agreement: Agreement, draft: AgreementDraft, as_of: datetime) -> Agreement:
    """Correct an agreement. Deadlines that follow its zone, its calendars or its milestones move
    with it.

    Raises:
        Invalid: the ref differs, a party is not stored, or one with duties is left out, or a
            milestone from which something is counted.
    """
    touched = _correct(agreement, draft, as_of=as_of)
    projection.refresh(touched, as_of=as_of)
    agreement.refresh_from_db()
    return agreement


def _correct(agreement: Agreement, draft: AgreementDraft, *, as_of: datetime) -> set[int]:
    """Do what `update` does, but leave the deadlines that it touched unsettled."""
    agreement = lock_agreement(agreement.pk)
    if draft.ref != agreement.ref:
        raise refusal("ref", f"The ref of an agreement stays as it is: {agreement.ref}.")
    members = _members(draft.parties)
    _refuse_unknown_calendars(draft)
    stored = {each.party_id: each for each in agreement.memberships.select_related("party")}
    kept = {party.pk for party, _ in members}
    for party_id in stored.keys() - kept:
        side = ObligationParty.objects.filter(agreement=agreement, party_id=party_id).first()
        if side is not None:
            sentence = (
                f"{stored[party_id].party.code} has a part in obligation {side.obligation.ref} "
                "and must stay a party."
            )
            raise refusal("parties", sentence)
        stored[party_id].delete()
    for party, role in members:
        membership = stored.get(party.pk)
        if membership is None:
            AgreementParty.objects.create(agreement=agreement, party=party, role=role)
        elif membership.role != role:
            membership.role = role
            membership.save(update_fields=["role"])
    has_moved = _surroundings(agreement) != _surroundings(draft)
    has_other_notification_policy = agreement.notification_policy != dump_notification_policy(
        draft.notification_policy
    )
    for name, value in _columns(draft).items():
        setattr(agreement, name, value)
    agreement.save()
    if has_other_notification_policy:
        projection.recheck_agreement(agreement_id=agreement.pk, as_of=as_of)
    moved = _set_milestones(agreement, draft.milestones)
    affected = agreement.obligations.filter(
        Q(dependencies__milestone__ref__in=moved)
        | Q(deadlines__facts__due__from__milestone__in=list(moved))
    )
    if has_moved:
        affected = agreement.obligations.all()
    return obligations.recompute(
        obligation_ids=set(affected.values_list("id", flat=True)), as_of=as_of
    )


def _surroundings(agreement: Agreement | AgreementDraft) -> tuple[object, ...]:
    """What of an agreement its rules go by where they are silent."""
    return (
        agreement.timezone,
        list(agreement.calendars),
        agreement.in_force_on or agreement.signed_on,
    )


def _set_milestones(agreement: Agreement, drafts: Sequence[MilestoneDraft]) -> set[str]:
    """Store these milestones and no others; the refs of those whose date changed are returned.

    Raises:
        Invalid: one is left out from which something is counted.
    """
    stored = {each.ref: each for each in agreement.milestones.all()}
    moved = set()
    for draft in drafts:
        milestone = stored.pop(draft.ref, None) or Milestone(agreement=agreement, ref=draft.ref)
        if (milestone.on, milestone.at) != (draft.on, draft.at):
            moved.add(draft.ref)
        is_same = milestone.pk and milestone.title == draft.title and draft.ref not in moved
        if not is_same:
            milestone.title, milestone.on, milestone.at = draft.title, draft.on, draft.at
            milestone.save()
    for ref, milestone in stored.items():
        dependent = milestone.dependents.select_related("obligation").first()
        if dependent is not None:
            sentence = (
                f"{dependent.obligation.ref} is counted from the milestone {ref}, which must stay."
            )
            raise refusal("milestones", sentence)
        milestone.delete()
    return moved


def _refuse_unknown_calendars(draft: AgreementDraft) -> None:
    known = custom_calendars()
    problems = [
        Problem(path=f"calendars/{index}", detail=f"The desk keeps no calendar {name}: add it.")
        for index, name in enumerate(draft.calendars)
        if name.startswith(CUSTOM_PREFIX) and name not in known
    ]
    if problems:
        raise Invalid(problems)


@transaction.atomic
def save_whole(
    *,
    agreement: Agreement | None,
    draft: AgreementDraft,
    obligation_drafts: Mapping[str, ObligationDraft],
    as_of: datetime,
) -> Agreement:
    """Store an agreement together with new and corrected obligations, or nothing of it.

    `obligation_drafts` are by the paths to name them by when refused. One whose ref is stored
    corrects that obligation.

    Raises:
        Invalid: as `create`, `update` and their like for obligations.
    """
    if agreement is None:
        agreement = create(draft=draft, as_of=as_of)
        touched = set()
    else:
        touched = _correct(agreement, draft, as_of=as_of)
        agreement = lock_agreement(agreement.pk)
    stored = {each.ref: each for each in agreement.obligations.all()}
    fresh = {path: each for path, each in obligation_drafts.items() if each.ref not in stored}
    touched |= obligations.store(agreement=agreement, drafts=fresh, as_of=as_of).touched
    for path, each in obligation_drafts.items():
        if path not in fresh:
            try:
                touched |= obligations.correct(
                    agreement=agreement, obligation=stored[each.ref], draft=each, as_of=as_of
                )
            except Invalid as error:
                raise Invalid(problem.below(path) for problem in error.problems) from None
    projection.refresh(touched, as_of=as_of)
    return agreement


def _members(drafts: Iterable[MembershipDraft]) -> list[tuple[Party, str]]:
    drafts = list(drafts)
    stored = Party.objects.in_bulk([draft.code for draft in drafts], field_name="code")
    problems = []
    seen: set[str] = set()
    for index, draft in enumerate(drafts):
        if draft.code not in stored:
            detail = f"There is no party {draft.code}: create it first."
            problems.append(Problem(path=f"parties/{index}/code", detail=detail))
        if draft.code in seen:
            detail = f"{draft.code} stands twice: name each party once."
            problems.append(Problem(path=f"parties/{index}/code", detail=detail))
        seen.add(draft.code)
    if problems:
        raise Invalid(problems)
    return [(stored[draft.code], draft.role) for draft in drafts]


def _columns(draft: AgreementDraft) -> dict[str, object]:
    return {
        "ref": draft.ref,
        "title": draft.title,
        "kind": draft.kind.value,
        "signed_on": draft.signed_on,
        "in_force_on": draft.in_force_on,
        "ends_on": draft.ends_on,
        "timezone": draft.timezone,
        "calendars": list(draft.calendars),
        "requires_approval": draft.requires_approval,
        "notification_policy": dump_notification_policy(draft.notification_policy),
    }
