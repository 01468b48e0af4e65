"""Merge a duplicate party into another, and retire parties."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pghistory
import pgtrigger
from django.db import transaction

from compliance.domain.phrases import counted
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.vocabulary import Capacity, ProposedChange
from compliance.models import (
    AgreementParty,
    Deadline,
    Evidence,
    Milestone,
    MilestoneDating,
    ObligationParty,
    Party,
    Position,
    Subscription,
    User,
)
from compliance.models.locks import for_update, lock_agreements, lock_deadlines
from compliance.models.people.readers import SYSTEM, reading_as
from compliance.operations.agreements.merge_rights import check_may_merge
from compliance.operations.deadlines import positions, projection, schedule
from compliance.operations.deadlines.approvals import Approval, Change, guarding

_LONGEST_ROLE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeEffect:
    """What merging a duplicate into another party changes.

    `conflicts` name the obligations that the party would then owe to itself: they prevent it.
    """

    agreements: int
    shared_agreements: int
    obligations: int
    positions: int
    evidence: int
    subscriptions: int
    conflicts: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What changes, in plain words."""
        moved = (
            counted(self.agreements, "agreement"),
            counted(self.obligations, "obligation"),
            counted(self.positions, "position"),
            f"{counted(self.evidence, 'piece')} of evidence",
            counted(self.subscriptions, "subscription"),
        )
        both = f" Of the agreements, {self.shared_agreements:,} already have both parties."
        return f"To be moved: {', '.join(moved)}.{both if self.shared_agreements else ''}"


def merge_effect(*, duplicate: Party, into: Party) -> MergeEffect:
    """Return what merging `duplicate` into `into` would change, as far as the user sees it."""
    own = AgreementParty.objects.filter(party=duplicate)
    sides = ObligationParty.objects.filter(party=duplicate)
    opposite = {
        Capacity.OBLIGOR.value: Capacity.OBLIGEE.value,
        Capacity.OBLIGEE.value: Capacity.OBLIGOR.value,
    }
    conflicts: set[str] = set()
    for capacity, other in opposite.items():
        owed = ObligationParty.objects.filter(party=into, capacity=other).values("obligation")
        found = sides.filter(capacity=capacity, obligation__in=owed)
        refs = found.values_list("agreement__ref", "obligation__ref")
        conflicts |= {f"{ref} in {agreement}" for agreement, ref in refs}
    shared = own.filter(agreement__memberships__party=into)
    return MergeEffect(
        agreements=own.count(),
        shared_agreements=shared.count(),
        obligations=sides.values("obligation").distinct().count(),
        positions=Position.objects.filter(party=duplicate).count(),
        evidence=Evidence.objects.filter(asserted_by=duplicate).count(),
        subscriptions=Subscription.objects.filter(party=duplicate).count(),
        conflicts=tuple(sorted(conflicts)),
    )


@transaction.atomic
def merge(
    *,
    duplicate: Party,
    into: Party,
    reason: str,
    by: User | None,
    as_of: datetime,
    approval: Approval | None = None,
) -> MergeEffect:
    """Move everything from a duplicate to another party, and retire the duplicate.

    Where both are parties to an agreement or have the same role in an obligation, one remains.
    Deadlines that follow the time zone of the duplicate move to that of the other party. No hash
    covers the parties, so all facts stay as they are.

    Raises:
        Invalid: both are the same, one was merged before, or the other is retired; or the party
            would owe an obligation to itself.
        ApprovalNeeded: an agreement that requires approval would have other parties.
        PermissionDenied: there may be agreements that the user does not see, and nobody who sees
            them has proposed it.
    """
    if approval is None:
        check_may_merge()
    if duplicate.pk == into.pk:
        raise refusal("into", "Name another party: a party cannot be merged into itself.")
    parties = for_update(Party.objects.filter(pk__in=[duplicate.pk, into.pk]))
    stored = {each.pk: each for each in parties}
    duplicate, into = stored[duplicate.pk], stored[into.pk]
    if duplicate.merged_into_id is not None:
        raise refusal("", f"{duplicate.code} was merged before.")
    if into.retired_at is not None:
        raise refusal("into", f"{into.code} is retired. Restore it first, or name another party.")
    effect = merge_effect(duplicate=duplicate, into=into)
    if effect.conflicts:
        listed = ", ".join(effect.conflicts[:10])
        sentence = (
            f"{into.code} would owe obligations to itself: {listed}. Correct these before merging."
        )
        raise refusal("into", sentence)
    drafts = {"duplicate": duplicate.code, "into": into.code, "reason": reason}
    change = Change(kind=ProposedChange.PARTY_MERGE, drafts=drafts)
    # Includes agreements that `by` does not see. The approver sees only the names of their own.
    with reading_as(SYSTEM):
        memberships = AgreementParty.objects.filter(party=duplicate)
        agreements = lock_agreements(set(memberships.values_list("agreement_id", flat=True)))
        with guarding([each.pk for each in agreements], change, approval):
            _merge(duplicate, into, reason=reason, by=by, as_of=as_of)
    return effect


def _merge(duplicate: Party, into: Party, *, reason: str, by: User | None, as_of: datetime) -> None:
    if merge_effect(duplicate=duplicate, into=into).conflicts:
        sentence = f"{into.code} would owe obligations to itself. Correct these before merging."
        raise refusal("into", sentence)
    with pghistory.context(**_context(by)):
        owed = ObligationParty.objects.filter(party=duplicate, capacity=Capacity.OBLIGOR.value)
        obligation_ids = set(owed.values_list("obligation_id", flat=True))
        _move_memberships(duplicate, into)
        _move_sides(duplicate, into)
        _move_dates(duplicate, into, as_of=as_of)
        _move_subscriptions(duplicate, into)
        disputed = _move_statements(duplicate, into)
        duplicate.retired_at, duplicate.merged_into = as_of, into
        duplicate.retire_reason = reason
        duplicate.save(update_fields=["retired_at", "merged_into", "retire_reason"])
        # An earlier duplicate of the duplicate now leads here, too.
        Party.objects.filter(merged_into=duplicate).update(merged_into=into)
    lock_deadlines(disputed)
    positions.mark_disputes(disputed)
    if duplicate.timezone != into.timezone or duplicate.country != into.country:
        touched = schedule.recompute(obligation_ids=obligation_ids, as_of=as_of)
        projection.refresh(touched, as_of=as_of)


@transaction.atomic
def retire(*, party: Party, reason: str, by: User | None, as_of: datetime) -> Party:
    """Stop offering a party for new entries. Existing entries keep it.

    Raises:
        Invalid: it is already retired.
    """
    party = for_update(Party.objects.all()).get(pk=party.pk)
    if party.retired_at is not None:
        raise refusal("", f"{party.code} is already retired.")
    party.retired_at, party.retire_reason = as_of, reason
    with pghistory.context(**_context(by)):
        party.save(update_fields=["retired_at", "retire_reason"])
    return party


@transaction.atomic
def restore(*, party: Party, reason: str, by: User | None) -> Party:
    """Offer a retired party again.

    Raises:
        Invalid: it is not retired, or was merged into another party.
    """
    party = for_update(Party.objects.all()).get(pk=party.pk)
    if party.retired_at is None:
        raise refusal("", f"{party.code} is not retired.")
    if party.merged_into is not None:
        sentence = f"{party.code} was merged into {party.merged_into.code}. Use that party."
        raise refusal("", sentence)
    party.retired_at, party.retire_reason = None, reason
    with pghistory.context(**_context(by)):
        party.save(update_fields=["retired_at", "retire_reason"])
    return party


def refuse_retired(parties: Iterable[tuple[str, Party]]) -> None:
    """Reject retired parties in a new entry.

    Args:
        parties: with the path of each in the input.

    Raises:
        Invalid: with a problem for each retired party.
    """
    problems = []
    for path, party in parties:
        if party.merged_into is not None:
            detail = f"{party.code} was merged into {party.merged_into.code}. Name that instead."
            problems.append(Problem(path=path, detail=detail))
        elif party.retired_at is not None:
            detail = f"{party.code} is retired. Name another party, or restore it first."
            problems.append(Problem(path=path, detail=detail))
    if problems:
        raise Invalid(problems)


def _context(by: User | None) -> dict[str, Any]:
    return {"user": by.pk} if by is not None else {}


def _move_memberships(duplicate: Party, into: Party) -> None:
    stored = {each.agreement_id: each for each in AgreementParty.objects.filter(party=into)}
    for membership in AgreementParty.objects.filter(party=duplicate):
        other = stored.get(membership.agreement_id)
        if other is None:
            membership.party = into
            membership.save(update_fields=["party"])
            continue
        roles = "; ".join(dict.fromkeys(filter(None, (other.role, membership.role))))
        if other.role != roles and len(roles) <= _LONGEST_ROLE:
            other.role = roles
            other.save(update_fields=["role"])
        # The foreign keys of its obligations are checked when the transaction ends.
        membership.delete()


def _move_sides(duplicate: Party, into: Party) -> None:
    kept = set(ObligationParty.objects.filter(party=into).values_list("obligation_id", "capacity"))
    sides = ObligationParty.objects.filter(party=duplicate)
    doubled = [each.pk for each in sides if (each.obligation_id, each.capacity) in kept]
    ObligationParty.objects.filter(pk__in=doubled).delete()
    sides.update(party=into)


def _move_dates(duplicate: Party, into: Party, *, as_of: datetime) -> None:
    """Move the deadlines and the milestone dates of one party to the other."""
    Deadline.objects.filter(party=duplicate).update(party=into)
    for row in Milestone.objects.filter(dates__contains=[{"party": duplicate.code}]):
        own = {each["party"]: each for each in row.dates or ()}
        moved = {**own.pop(duplicate.code), "party": into.code}
        own.setdefault(into.code, moved)
        row.dates = [own[code] for code in sorted(own)]
        row.save(update_fields=["dates"])
        MilestoneDating.objects.create(
            agreement_id=row.agreement_id, ref=row.ref, title=row.title, dates=row.dates,
            recorded_at=as_of,
        )  # fmt: skip


# The fields in which two subscriptions must differ (`subscription_only_once`), but for the party.
_ONCE = (
    "email", "webhook", "agreement", "tag", "min_severity", "is_mine", "responsible_user",
    "responsible_team", "from_escalation",
)  # fmt: skip


def _move_subscriptions(duplicate: Party, into: Party) -> None:
    for subscription in Subscription.objects.filter(party=duplicate):
        same = {name: getattr(subscription, name) for name in _ONCE} | {"party": into}
        wanted = {
            (f"{name}__isnull" if value is None else name): (True if value is None else value)
            for name, value in same.items()
        }
        if Subscription.objects.filter(**wanted).exists():
            subscription.delete()
        else:
            subscription.party = into
            subscription.save(update_fields=["party"])


def _move_statements(duplicate: Party, into: Party) -> set[int]:
    """Move positions and evidence, and return the ids of the deadlines of the positions."""
    stated = Position.objects.filter(party=duplicate)
    deadline_ids = set(stated.values_list("deadline_id", flat=True))
    # These rows are append-only. What was said stays; only who said it has another name.
    with pgtrigger.ignore("compliance.Position:append_only", "compliance.Evidence:append_only"):
        stated.update(party=into)
        Evidence.objects.filter(asserted_by=duplicate).update(asserted_by=into)
    return deadline_ids
