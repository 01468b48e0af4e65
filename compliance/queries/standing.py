"""Which recorded facts count."""

from __future__ import annotations

from django.db.models import QuerySet

from compliance.domain.timeline import standing
from compliance.models import Agreement, Deadline, Fact
from compliance.models.facts import fact_of


def standing_facts(subject: Deadline | Agreement) -> list[Fact]:
    """The facts of a deadline, or of an agreement as a whole, that no standing fact supersedes,
    retractions left out."""
    if isinstance(subject, Deadline):
        return _standing(Fact.objects.filter(deadline=subject), subject.timezone)
    return _standing(Fact.objects.filter(agreement=subject), subject.timezone or "UTC")


def _standing(facts: QuerySet[Fact], timezone: str) -> list[Fact]:
    rows = facts.order_by("effective_at", "id")
    seen = standing(fact_of(row, timezone) for row in rows.values())
    kept = {fact.id for fact in seen}
    return [row for row in rows if row.pk in kept]
