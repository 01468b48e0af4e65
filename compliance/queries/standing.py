"""Which recorded facts count."""

from __future__ import annotations

from compliance.domain.timeline import standing
from compliance.models import Deadline, Fact
from compliance.models.facts import fact_of


def standing_facts(deadline: Deadline) -> list[Fact]:
    """The facts of a deadline that no standing fact supersedes, retractions left out."""
    rows = Fact.objects.filter(deadline=deadline).order_by("effective_at", "id")
    seen = standing(fact_of(row, deadline.timezone) for row in rows.values())
    kept = {fact.id for fact in seen}
    return [row for row in rows if row.pk in kept]
