"""Create and correct parties."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from compliance.domain.agreements.drafts import PartyDraft
from compliance.domain.problems import refusal
from compliance.models import Obligation, Party
from compliance.models.bulk import insert
from compliance.models.locks import for_update, lock_agreements
from compliance.operations.agreements import obligations
from compliance.operations.deadlines import projection


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
def update(*, party: Party, draft: PartyDraft, as_of: datetime) -> Party:
    """Correct a party. A new time zone moves the deadlines that use it.

    Raises:
        Invalid: the code changes, or a due time would not exist in the new zone.
    """
    party = for_update(Party.objects.all()).get(pk=party.pk)
    if draft.code != party.code:
        raise refusal("code", f"The code of a party cannot change. Keep {party.code}.")
    zone_changed = draft.timezone != party.timezone
    for name, value in _columns(draft).items():
        setattr(party, name, value)
    party.save()
    if zone_changed:
        owed = list(Obligation.objects.filter(sides__party=party).distinct())
        lock_agreements({each.agreement_id for each in owed})
        touched = obligations.recompute(obligation_ids=[each.pk for each in owed], as_of=as_of)
        projection.refresh(touched, as_of=as_of)
    return party


def _columns(draft: PartyDraft) -> dict[str, object]:
    return {
        "code": draft.code,
        "name": draft.name,
        "kind": draft.kind.value,
        "country": draft.country,
        "timezone": draft.timezone,
    }
