"""Create and correct parties."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from compliance.domain.agreements.drafts import PartyDraft
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import ProposedChange
from compliance.models import Obligation, Party
from compliance.models.bulk import insert
from compliance.models.bulk import update as bulk_update
from compliance.models.locks import for_update, lock_agreements
from compliance.models.people.readers import SYSTEM, Reader, current_reader, reading_as
from compliance.models.visibility import visible_to
from compliance.operations.deadlines import projection, schedule
from compliance.operations.deadlines.approvals import Approval, Change, guarding


@transaction.atomic
def create(*, draft: PartyDraft) -> Party:
    """Create a party.

    Raises:
        Invalid: the code is taken.
    """
    if Party.objects.filter(code=draft.code).exists():
        raise refusal("code", f"Party {draft.code} already exists. Choose another code.")
    return Party.objects.create(**_columns(draft))


def create_all(*, drafts: Iterable[PartyDraft]) -> list[Party]:
    """Create parties, none of which is stored yet. The caller has checked this."""
    new = [Party(**_columns(draft)) for draft in drafts]
    insert(new)
    return new


@transaction.atomic
def update(
    *, party: Party, draft: PartyDraft, as_of: datetime, approval: Approval | None = None
) -> Party:
    """Correct a party. A new time zone moves the deadlines that use it.

    Args:
        approval: of a second person, if an agreement requires it or if the user may not see all.

    Raises:
        Invalid: the code changes, or a due time would not exist in the new zone.
        ApprovalNeeded: a deadline of an agreement that requires approval would be due later, or
            deadlines could move that the user does not see.
    """
    if draft.code != party.code:
        raise refusal("code", f"The code of a party cannot change. Keep {party.code}.")
    change = Change(kind=ProposedChange.PARTY, drafts={"party": draft})
    moves = bool(moved_by([draft]))
    with guarding(agreements_moved_by([draft]), change, approval, moves_others=moves):
        projection.refresh(correct(drafts=[draft], as_of=as_of), as_of=as_of)
    party.refresh_from_db()
    return party


def moved_by(drafts: Sequence[PartyDraft]) -> list[Party]:
    """Lock the stored parties, and return those whose time zone a correction changes."""
    zones = {draft.code: draft.timezone for draft in drafts}
    rows = for_update(Party.objects.filter(code__in=zones))
    return [row for row in rows if zones[row.code] != row.timezone]


def agreements_moved_by(drafts: Sequence[PartyDraft]) -> set[int]:
    """Lock the agreements whose deadlines a correction of parties can move; return their ids."""
    moved = moved_by(drafts)
    if not moved:
        return set()
    # Also those that the user does not see.
    with reading_as(SYSTEM):
        owed = Obligation.objects.order_by().filter(sides__party__in=moved)
        locked = lock_agreements(set(owed.values_list("agreement_id", flat=True)))
    return {each.pk for each in locked}


def correct(*, drafts: Sequence[PartyDraft], as_of: datetime) -> set[int]:
    """Correct the stored parties with the codes of these drafts, like `update`.

    Returns the ids of the deadlines to refresh, in the same transaction. Call it before an
    agreement is locked.

    Deadlines of agreements that the user does not see move, too. If one of them has no due time in
    the new zone, it stays as it is and the next recomputation reports it to the administrators: an
    error would reveal it to the user.

    Raises:
        Invalid: a due time would not exist in the new zone.
    """
    if not drafts:
        return set()
    user = current_reader()
    with reading_as(SYSTEM):
        return _correct(drafts, seen_by=user, as_of=as_of)


def _correct(drafts: Sequence[PartyDraft], *, seen_by: Reader, as_of: datetime) -> set[int]:
    by_code = {draft.code: draft for draft in drafts}
    rows = list(for_update(Party.objects.filter(code__in=by_code)))
    moved = [row for row in rows if by_code[row.code].timezone != row.timezone]
    names: set[str] = set()
    for row in rows:
        columns = _columns(by_code[row.code])
        names |= columns.keys()
        for name, value in columns.items():
            setattr(row, name, value)
    bulk_update(rows, names)
    if not moved:
        return set()
    owed = dict(
        Obligation.objects.order_by()
        .filter(sides__party__in=moved)
        .values_list("id", "agreement_id")
    )
    lock_agreements(set(owed.values()))
    obligations = visible_to(Obligation.objects.filter(pk__in=owed), seen_by)
    seen = set(obligations.values_list("pk", flat=True))
    return schedule.recompute(obligation_ids=seen, as_of=as_of) | schedule.recompute(
        obligation_ids=owed.keys() - seen, as_of=as_of, is_forgiving=True
    )


def _columns(draft: PartyDraft) -> dict[str, object]:
    return {
        "code": draft.code,
        "name": draft.name,
        "kind": draft.kind.value,
        "country": draft.country,
        "timezone": draft.timezone,
    }
