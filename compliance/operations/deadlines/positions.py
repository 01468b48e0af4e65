"""Record positions of the parties, which are never edited afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from compliance.domain.deadlines.drafts import PositionDraft
from compliance.domain.deadlines.positions import Position as DomainPosition
from compliance.domain.deadlines.positions import is_disputed
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import Verdict
from compliance.models import Deadline, Evidence, Party, Position, User
from compliance.models.bulk import insert
from compliance.models.locks import lock_deadline
from compliance.operations.deadlines.instants import effective_instant, stored_precision
from compliance.operations.evidence import evidence


@transaction.atomic
def state(
    *, deadline: Deadline, draft: PositionDraft, by: User | None, as_of: datetime
) -> Position:
    """Record the position of a party on a deadline, which may make the deadline disputed.

    Raises:
        Invalid: the party is not in the register, or the evidence is unknown.
    """
    deadline = lock_deadline(deadline.pk)
    registered = registered_parties([draft.party])
    position = build(deadline, draft, registered, by=by, as_of=as_of)
    found = evidence.by_ref(deadline.agreement, draft.evidence)
    store([(position, found)])
    return position


def registered_parties(codes: Iterable[str]) -> dict[str, Party]:
    """Return the parties with these codes: assessors need not be parties to the agreement."""
    return {party.code: party for party in Party.objects.filter(code__in=set(codes))}


def store(positions: Sequence[tuple[Position, Sequence[Evidence]]]) -> None:
    """Save positions with their evidence, and mark the deadlines that are disputed now.

    Args:
        positions: unsaved positions, each with its evidence. The caller has locked the deadlines.
    """
    if not positions:
        return
    insert([position for position, _ in positions])
    links: Any = Position.evidence.through
    insert(
        [
            links(position_id=position.pk, evidence_id=each.pk)
            for position, found in positions
            for each in found
        ]
    )
    mark_disputes({position.deadline_id for position, _ in positions})


def build(
    deadline: Deadline,
    draft: PositionDraft,
    registered: Mapping[str, Party],
    *,
    by: User | None,
    as_of: datetime,
) -> Position:
    """Return the row of a draft without saving it.

    Raises:
        Invalid: the party is not in the register.
    """
    if draft.party not in registered:
        raise refusal("party", f"{draft.party} is not in the register of parties. Add it first.")
    stated_at, stated_on = effective_instant(draft, deadline.timezone)
    return Position(
        deadline=deadline,
        party=registered[draft.party],
        verdict=draft.verdict.value,
        share=draft.share,
        stated_at=stated_at,
        stated_on=stated_on,
        precision=stored_precision(draft.precision),
        quote=draft.quote,
        recorded_at=as_of,
        recorded_by=by,
    )


def mark_disputes(deadline_ids: Iterable[int]) -> None:
    """Update `is_disputed` from the positions on deadlines."""
    positions: dict[int, list[DomainPosition]] = defaultdict(list)
    ids = list(deadline_ids)
    for row in Position.objects.filter(deadline_id__in=ids):
        positions[row.deadline_id].append(
            DomainPosition(
                id=row.pk,
                party_id=row.party_id,
                verdict=Verdict(row.verdict),
                stated_at=row.stated_at,
                share=row.share,
            )
        )
    disputed = [pk for pk in ids if is_disputed(positions[pk])]
    Deadline.objects.filter(id__in=disputed).update(is_disputed=True)
    Deadline.objects.filter(id__in=set(ids) - set(disputed)).update(is_disputed=False)
