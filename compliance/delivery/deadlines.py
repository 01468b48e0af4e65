"""Load the deadlines that messages report, with everything reported about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

from django.db.models import F, Prefetch

from compliance.domain.civil_time import displayed_zone_name
from compliance.domain.deadlines.explanations import Case, StatusChange, changes
from compliance.domain.deadlines.ledger import Entry, current_history
from compliance.domain.deadlines.summaries import FactSummary
from compliance.domain.phrases import one_line
from compliance.domain.vocabulary import FactKind, TargetBound, Verification, Visibility
from compliance.models import Deadline, Evidence, Fact, ObligationParty, Position
from compliance.models.deadlines.fact_values import fact_summaries
from compliance.models.deadlines.ledger import ledger_of

# What messages report. Loading all columns would take three times as long.
_COLUMNS = (
    "timezone", "party_id", "status", "verification", "is_disputed", "due_on", "due_at", "unmet_at",
    "original_due_on", "original_due_at", "target_quantity", "measured_quantity",
    "agreement__ref", "agreement__title", "obligation__kind", "obligation__ref",
    "obligation__title", "obligation__text", "obligation__clause", "obligation__severity",
    "obligation__unit", "obligation__due", "obligation__target_bound",
)  # fmt: skip


_ELSEWHERE = "of another agreement"


def load_deadlines(ids: Iterable[int]) -> dict[int, Deadline]:
    """Return deadlines by id, with obligation, agreement, parties, latest positions and evidence.

    The number of queries does not depend on the number of deadlines.
    """
    sides = (
        ObligationParty.objects.select_related("party")
        .only("capacity", "obligation", "party__code", "party__name", "party__timezone")
        .order_by("id")
    )
    latest_positions = (
        Position.objects.select_related("party")
        .order_by("deadline_id", "party_id", "-stated_at", "-id")
        .distinct("deadline_id", "party_id")
    )
    return (
        Deadline.objects.select_related("obligation", "agreement")
        .only(*_COLUMNS)
        .prefetch_related(
            Prefetch("positions", latest_positions),
            # For the precision of a due date that was extended.
            Prefetch(
                "facts", Fact.objects.filter(due__isnull=False).only("deadline", "due", "due_at")
            ),
            Prefetch("obligation__sides", sides),
            Prefetch("obligation__evidence", Evidence.objects.only("stance")),
        )
        .in_bulk(set(ids))
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Histories:
    """The ledger entries of deadlines, each with the due day of its time, and their facts."""

    entries: dict[int, dict[Entry, date | None]]
    facts: dict[int, FactSummary]

    @classmethod
    def load(cls, deadline_ids: Iterable[int]) -> Self:
        """Return the histories of deadlines, in a fixed number of queries."""
        entries: dict[int, dict[Entry, date | None]] = defaultdict(dict)
        for deadline_id, due_on, entry in ledger_of(deadline_ids):
            entries[deadline_id][entry] = due_on
        fact_ids = {entry.fact_id for rows in entries.values() for entry in rows}
        facts = fact_summaries(fact_ids)
        for pk, each in facts.items():
            if each.kind is FactKind.REPLACEMENT and not each.successor:
                # It does not exist for the reader.
                facts[pk] = replace(each, successor=_ELSEWHERE)
        # A recipient of one agreement need not see another, and the batch has many recipients.
        hidden = Fact.objects.filter(
            pk__in=[pk for pk, each in facts.items() if each.successor],
            successor__agreement__visibility=Visibility.TEAMS.value,
        ).exclude(successor__agreement=F("deadline__agreement"))
        for pk in hidden.values_list("pk", flat=True):
            facts[pk] = replace(facts[pk], successor=_ELSEWHERE)
        return cls(entries=entries, facts=facts)

    def lines(self, deadline: Deadline) -> str:
        """Return the history of a deadline since it was agreed, with a line for each change."""
        due_days = self.entries[deadline.pk]
        history = current_history(list(due_days))
        case = Case(
            timezone=displayed_zone_name(deadline.timezone),
            history=[StatusChange.of_entry(entry, due_days[entry]) for entry in history],
            facts=self.facts,
            verification=Verification(deadline.verification),
            unit=deadline.obligation.unit,
            target_bound=TargetBound(deadline.obligation.target_bound),
        )
        return "\n".join(map(one_line, changes(case)))
