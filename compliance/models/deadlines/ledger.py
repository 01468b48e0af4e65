"""The ledger: every status of every deadline, and when it became known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from django.db import models

from compliance.domain.deadlines.ledger import Entry
from compliance.domain.phrases import label
from compliance.domain.vocabulary import Reason, Status
from compliance.models.append_only import append_only_but_purgeable
from compliance.models.bulk import array, fetch
from compliance.models.choices import choice_field, one_of
from compliance.models.deadlines.deadlines import Deadline


class LedgerEntry(models.Model):
    """The status of a deadline from `effective_at` on, as known from `recorded_at` on."""

    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, related_name="ledger", db_index=False
    )
    recorded_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    status = choice_field(Status)
    reason = choice_field(Reason)
    fact = models.ForeignKey(
        "Fact", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    due_on = models.DateField(null=True)
    due_at = models.DateTimeField(null=True)
    unmet_at = models.DateTimeField(null=True)
    earliest_due_at = models.DateTimeField(null=True)
    performed = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    target = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    accepted_share = models.DecimalField(
        max_digits=7,
        decimal_places=6,
        null=True,
        help_text="Without a target: the share of the whole that determinations accept.",
    )
    measured = models.DecimalField(
        max_digits=20,
        decimal_places=6,
        null=True,
        help_text="The value in force: the latest that was measured.",
    )
    hash = models.BinaryField(
        null=True, max_length=32, help_text="Covers this entry and the hash of the previous one."
    )

    class Meta:
        verbose_name_plural = "ledger entries"
        ordering = ("id",)
        triggers = append_only_but_purgeable()
        constraints = (
            one_of("status", Status),
            one_of("reason", Reason),
            # Also read by every as-of query: the rows of one deadline, in the order of recording.
            models.UniqueConstraint(
                fields=["deadline", "recorded_at", "effective_at"], name="ledgerentry_replay"
            ),
        )

    def __str__(self) -> str:
        return f"{label(self.status).capitalize()} from {self.effective_at:%Y-%m-%d %H:%M}Z"


def entry_of(row: LedgerEntry) -> Entry:
    """Return a stored ledger entry as a domain value."""
    return Entry(
        recorded_at=row.recorded_at,
        effective_at=row.effective_at,
        status=Status(row.status),
        reason=Reason(row.reason),
        fact_id=row.fact_id,
        due_at=row.due_at,
        unmet_at=row.unmet_at,
        earliest_due_at=row.earliest_due_at,
        performed=row.performed,
        target=row.target,
        accepted_share=row.accepted_share,
        measured=row.measured,
    )


def ledger_of(deadline_ids: Iterable[int]) -> Iterator[tuple[int, date | None, Entry]]:
    """Yield the ledger entries of deadlines, unordered, with their deadline id and due day."""
    for row in fetch(_LEDGER_OF, ids=array(list(deadline_ids))):
        deadline_id, due_on, recorded_at, effective_at, status, reason, *rest = row
        yield (
            deadline_id,
            due_on,
            Entry(recorded_at, effective_at, _STATUSES[status], _REASONS[reason], *rest),
        )


# Several times as fast as a look-up on the enum.
_STATUSES = {status.value: status for status in Status}
_REASONS = {reason.value: reason for reason in Reason}


_LEDGER_OF = """
    SELECT deadline_id, due_on, recorded_at, effective_at, status, reason, fact_id, due_at,
        unmet_at, earliest_due_at, performed, target, accepted_share, measured
    FROM compliance_ledgerentry WHERE deadline_id = ANY(%(ids)s::bigint[])
"""


def chained_entry(row: Mapping[str, Any]) -> list[object]:
    """Return the values covered by the hash of a ledger entry."""
    values = [row[name] for name in _CHAINED]
    # It was added later, and is covered only where it is set, so that older hashes remain valid.
    return values if row["measured"] is None else [*values, row["measured"]]


_CHAINED = (
    "deadline_id", "recorded_at", "effective_at", "status", "reason", "fact_id", "due_on",
    "due_at", "unmet_at", "earliest_due_at", "performed", "target", "accepted_share",
)  # fmt: skip
