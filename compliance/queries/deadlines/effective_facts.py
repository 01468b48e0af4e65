"""Effective facts: facts that no other fact supersedes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from compliance.domain.civil_time import displayed_zone_name
from compliance.domain.deadlines.facts import effective_facts, superseding
from compliance.models import Agreement, Deadline, Fact
from compliance.models.deadlines.fact_values import fact_of


def effective_facts_of(subject: Deadline | Agreement) -> list[Fact]:
    """Return the effective facts of a deadline, or of an agreement as a whole."""
    if isinstance(subject, Deadline):
        return _effective(Fact.objects.filter(deadline=subject), subject.timezone)
    return _effective(Fact.objects.filter(agreement=subject), subject.timezone or "UTC")


def superseders(
    deadline_ids: Iterable[int],
    agreement_ids: Iterable[int] = (),
    *,
    known_at: datetime | None = None,
) -> dict[int, int]:
    """Return the latest fact that supersedes each fact, by the id of the superseded fact.

    Works for facts of deadlines and of whole agreements, as known now or at an instant (see
    `superseding`).
    """
    known = Q(deadline_id__in=set(deadline_ids)) | Q(agreement_id__in=set(agreement_ids))
    rows = Fact.objects.filter(known, supersedes__isnull=False)
    if known_at is not None:
        rows = rows.filter(recorded_at__lte=known_at)
    return superseding(rows.order_by().values_list("id", "kind", "supersedes_id"))


def _effective(facts: QuerySet[Fact], timezone: str) -> list[Fact]:
    rows = facts.order_by("effective_at", "id")
    zone = displayed_zone_name(timezone)
    seen = effective_facts(fact_of(row, zone) for row in rows.values())
    kept = {fact.id for fact in seen}
    return [row for row in rows if row.pk in kept]
