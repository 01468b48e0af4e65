"""Facts recorded about deadlines and agreements. Append-only: a later fact can supersede one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from compliance.domain.phrases import label
from compliance.domain.vocabulary import FactKind, Precision, Verdict
from compliance.models.agreements.agreements import Agreement
from compliance.models.agreements.obligations import Obligation
from compliance.models.append_only import append_only_but_purgeable
from compliance.models.choices import choice_field, one_of
from compliance.models.deadlines.deadlines import Deadline
from compliance.models.evidence.evidence import Evidence


class Fact(models.Model):
    """A fact recorded about a deadline or a whole agreement. A later fact can supersede it."""

    deadline = models.ForeignKey(
        Deadline, null=True, on_delete=models.PROTECT, related_name="facts", db_index=False
    )
    agreement = models.ForeignKey(
        Agreement,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="facts",
        db_index=False,
        help_text="Set instead of the deadline for facts about the whole agreement.",
    )
    kind = choice_field(FactKind)
    effective_at = models.DateTimeField()
    effective_on = models.DateField(
        null=True, blank=True, help_text="Set if only the civil day is known."
    )
    precision = choice_field(Precision, null=True)
    until_at = models.DateTimeField(
        null=True, blank=True, help_text="The end of a violation or suspension, exclusive."
    )
    until_on = models.DateField(
        null=True, blank=True, help_text="Set if only the last civil day is known."
    )
    until_precision = choice_field(Precision, null=True)
    is_tolling = models.BooleanField(
        default=False, db_default=False, help_text="Whether a suspension moves the due date."
    )
    quantity = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    verdict = choice_field(Verdict, null=True)
    share = models.DecimalField(
        max_digits=7,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="The share of the whole that a determination accepts.",
    )
    is_final = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether a determination closes a deadline that is unmet.",
    )
    successor = models.ForeignKey(
        Obligation,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="replacements",
        db_index=False,
        help_text="The obligation that takes the place of the replaced one.",
    )
    due = models.JSONField(null=True, blank=True, help_text="The due rule of an extension.")
    due_on = models.DateField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    unmet_at = models.DateTimeField(null=True, blank=True)
    supersedes = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    note = models.TextField(blank=True, default="")
    evidence: models.ManyToManyField[Evidence, models.Model] = models.ManyToManyField(
        Evidence, related_name="facts", blank=True
    )
    recorded_at = models.DateTimeField()
    stored_at = models.DateTimeField(db_default=Now(), editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="The person who approved it, if approval was required.",
    )
    hash = models.BinaryField(
        null=True, max_length=32, help_text="Covers this fact and the hash of the previous one."
    )

    class Meta:
        ordering = ("id",)
        triggers = append_only_but_purgeable()
        constraints = (
            one_of("kind", FactKind),
            one_of("verdict", Verdict),
            one_of("precision", Precision),
            one_of("until_precision", Precision),
            models.CheckConstraint(
                name="fact_determination_has_verdict",
                condition=models.Q(kind=FactKind.DETERMINATION.value, verdict__isnull=False)
                | (
                    ~models.Q(kind=FactKind.DETERMINATION.value)
                    & models.Q(verdict__isnull=True, share__isnull=True)
                ),
            ),
            models.CheckConstraint(
                name="fact_final_determination",
                condition=models.Q(is_final=False)
                | models.Q(verdict__in=[Verdict.PARTLY_MET.value, Verdict.NOT_MET.value]),
            ),
            models.CheckConstraint(
                name="fact_replacement_has_successor",
                condition=models.Q(kind=FactKind.REPLACEMENT.value, successor__isnull=False)
                | (~models.Q(kind=FactKind.REPLACEMENT.value) & models.Q(successor__isnull=True)),
            ),
            models.CheckConstraint(
                name="fact_share_of_the_whole",
                condition=models.Q(share__isnull=True)
                | models.Q(
                    share__gt=0,
                    share__lt=1,
                    verdict=Verdict.PARTLY_MET.value,
                    quantity__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="fact_approved_by_another",
                condition=models.Q(approved_by__isnull=True)
                | models.Q(recorded_by__isnull=True)
                | ~models.Q(approved_by=models.F("recorded_by")),
            ),
            models.CheckConstraint(
                name="fact_of_a_deadline_or_an_agreement",
                condition=models.Q(deadline__isnull=False, agreement__isnull=True)
                | models.Q(deadline__isnull=True, agreement__isnull=False),
            ),
            models.CheckConstraint(
                name="fact_termination_of_an_agreement",
                condition=models.Q(
                    agreement__isnull=False,
                    kind__in=[
                        FactKind.SUSPENSION.value,
                        FactKind.TERMINATION.value,
                        FactKind.RETRACTION.value,
                    ],
                )
                | (models.Q(agreement__isnull=True) & ~models.Q(kind=FactKind.TERMINATION.value)),
            ),
            models.CheckConstraint(
                name="fact_sets_a_due_date",
                condition=models.Q(
                    kind=FactKind.EXTENSION.value,
                    due__isnull=False,
                    due_on__isnull=False,
                    due_at__isnull=False,
                    unmet_at__gte=models.F("due_at"),
                )
                | models.Q(
                    kind=FactKind.TRIGGER.value,
                    due__isnull=True,
                    due_on__isnull=False,
                    due_at__isnull=False,
                    unmet_at__gte=models.F("due_at"),
                )
                | (
                    # An extension without a date postpones the deadline.
                    ~models.Q(kind=FactKind.TRIGGER.value)
                    & models.Q(
                        due__isnull=True,
                        due_on__isnull=True,
                        due_at__isnull=True,
                        unmet_at__isnull=True,
                    )
                ),
            ),
            models.CheckConstraint(
                name="fact_lasts_until_later",
                condition=models.Q(until_at__isnull=True, until_on__isnull=True)
                | models.Q(
                    kind__in=[
                        FactKind.VIOLATION.value,
                        FactKind.SUSPENSION.value,
                        FactKind.RETRACTION.value,
                    ],
                    until_at__gt=models.F("effective_at"),
                ),
            ),
            models.CheckConstraint(
                name="fact_only_suspensions_toll",
                condition=models.Q(is_tolling=False) | models.Q(kind=FactKind.SUSPENSION.value),
            ),
            models.CheckConstraint(
                name="fact_restatement_has_quantity",
                condition=~models.Q(kind=FactKind.RESTATEMENT.value)
                | models.Q(quantity__isnull=False),
            ),
            models.CheckConstraint(
                name="fact_retraction_supersedes",
                condition=~models.Q(kind=FactKind.RETRACTION.value)
                | models.Q(supersedes__isnull=False),
            ),
            models.CheckConstraint(
                name="fact_supersedes_an_earlier_one",
                condition=models.Q(supersedes__isnull=True)
                | models.Q(supersedes__lt=models.F("id")),
            ),
            models.CheckConstraint(
                name="fact_counts_something",
                condition=models.Q(quantity__isnull=True)
                | models.Q(
                    quantity__gt=0,
                    kind__in=[FactKind.PERFORMANCE.value, FactKind.DETERMINATION.value],
                )
                # A measured value, and the target of one, may be negative.
                | models.Q(kind__in=[FactKind.MEASUREMENT.value, FactKind.RESTATEMENT.value]),
            ),
            models.CheckConstraint(
                name="fact_measurement_has_quantity",
                condition=~models.Q(kind=FactKind.MEASUREMENT.value)
                | models.Q(quantity__isnull=False),
            ),
        )
        indexes = (
            # Read by the projection, which loads the facts of the deadlines it refreshes.
            models.Index(fields=["deadline", "id"], name="fact_of_deadline"),
            # Also read by the projection: facts about whole agreements.
            models.Index(
                fields=["agreement", "id"],
                name="fact_of_agreement",
                condition=models.Q(agreement__isnull=False),
            ),
            # Read by the pages of obligations, which name what they replace.
            models.Index(
                fields=["successor"],
                name="fact_of_successor",
                condition=models.Q(successor__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{label(self.kind).capitalize()} of {self.effective_at:%Y-%m-%d %H:%M}Z"

    @property
    def successor_name(self) -> str:
        """The successor with its agreement, as text; empty without one."""
        if self.successor is None:
            return ""
        return f"{self.successor.ref} of {self.successor.agreement.ref}"


def chained_fact(row: Mapping[str, Any], evidence_ids: Iterable[int]) -> list[object]:
    """Return the values covered by the hash of a fact, including its evidence."""
    values = [row[name] for name in _CHAINED]
    due = row["due"]
    rule = None if due is None else orjson.dumps(due, option=orjson.OPT_SORT_KEYS).decode()
    later = [[name, row[name]] for name in _CHAINED_IF_SET if row[name]]
    return [*values, rule, sorted(evidence_ids), *later]


_CHAINED = (
    "id", "stored_at", "deadline_id", "agreement_id", "kind", "effective_at", "effective_on",
    "until_at", "until_on", "is_tolling", "quantity", "verdict", "share", "due_on", "due_at",
    "unmet_at", "supersedes_id", "note", "recorded_at", "recorded_by_id", "approved_by_id",
)  # fmt: skip


# Columns that were added later. They are covered by name and only where they are set, so that the
# hashes of older facts remain valid.
_CHAINED_IF_SET = ("is_final", "successor_id", "precision", "until_precision")
