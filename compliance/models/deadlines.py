"""Dated instances of obligations, the ledger of their status, their breaches, and the sweep."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models

from compliance.domain.vocabulary import BreachEnd, Reason, Status, Verification
from compliance.models.agreements import Agreement
from compliance.models.append_only import append_only
from compliance.models.choices import choice_field, one_of
from compliance.models.obligations import Obligation


class DeadlineQuerySet(models.QuerySet["Deadline"]):
    """Row predicates of deadlines."""

    def due_for_sweep(self, as_of: datetime) -> Self:
        """Whose status, or alerts, may change at or before `as_of`."""
        return self.filter(next_check_at__lte=as_of)

    def set_aside(self) -> Self:
        """Which could not be projected and wait for a mend."""
        return self.exclude(set_aside_error="")


class Deadline(models.Model):
    """One dated instance of an obligation. Its status is a cache of its projected course."""

    # Written by compliance.operations.course alone, from here ...
    status = choice_field(Status)
    status_since = models.DateTimeField()
    due_on = models.DateField()
    due_at = models.DateTimeField()
    unmet_at = models.DateTimeField()
    next_check_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(
        null=True, help_text="When the newest ledger batch of this deadline was recorded."
    )
    set_aside_error = models.TextField(blank=True, default="")
    # ... to here. What follows are the terms, and what the parties and the desk say.
    obligation = models.ForeignKey(
        Obligation, on_delete=models.PROTECT, related_name="deadlines", db_index=False
    )
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="deadlines", db_index=False
    )
    number = models.PositiveIntegerField(default=1)
    begins_at = models.DateTimeField()
    original_due_on = models.DateField()
    original_due_at = models.DateTimeField()
    original_unmet_at = models.DateTimeField()
    timezone = models.CharField(max_length=64)
    is_disputed = models.BooleanField(default=False)
    verification = choice_field(Verification, default=Verification.UNCHECKED)

    objects: ClassVar[models.Manager[Deadline]] = DeadlineQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "id")
        constraints = (
            one_of("status", Status),
            one_of("verification", Verification),
            models.UniqueConstraint(fields=["obligation", "number"], name="deadline_number_once"),
            models.CheckConstraint(
                name="deadline_grace_follows_due",
                condition=models.Q(unmet_at__gte=models.F("due_at"))
                & models.Q(original_unmet_at__gte=models.F("original_due_at")),
            ),
            models.CheckConstraint(
                name="deadline_begins_before_due",
                condition=models.Q(begins_at__lte=models.F("original_due_at")),
            ),
        )
        indexes = (
            # Read by the sweep: operations.course.settle_due.
            models.Index(
                fields=["next_check_at"],
                name="deadline_next_check",
                condition=models.Q(next_check_at__isnull=False),
            ),
            # Read by the deadline list in its default order, page by page.
            models.Index(fields=["due_at", "id"], name="deadline_by_due"),
            # Read by the deadline list and the summary of one status.
            models.Index(fields=["status", "due_at", "id"], name="deadline_by_status"),
            # Read by the deadline list of one agreement.
            models.Index(fields=["agreement", "due_at", "id"], name="deadline_by_agreement"),
            # Read by the health page.
            models.Index(
                fields=["id"],
                name="deadline_set_aside",
                condition=~models.Q(set_aside_error=""),
            ),
        )

    def __str__(self) -> str:
        return f"{self.obligation.ref} due {self.due_on}"


class LedgerEntry(models.Model):
    """From `effective_at` on the deadline had `status`, as known from `recorded_at` on."""

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
    due_on = models.DateField()
    due_at = models.DateTimeField()
    unmet_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "ledger entries"
        ordering = ("id",)
        triggers = (append_only(),)
        constraints = (
            one_of("status", Status),
            one_of("reason", Reason),
            # Also read by every as-of question: one deadline's rows, newest knowledge last.
            models.UniqueConstraint(
                fields=["deadline", "recorded_at", "effective_at"], name="ledgerentry_replay"
            ),
        )

    def __str__(self) -> str:
        return f"{self.status} from {self.effective_at:%Y-%m-%d %H:%M}Z"


class Breach(models.Model):
    """An interval in which a deadline stands unmet. It ends; it is never erased."""

    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, related_name="breaches", db_index=False
    )
    occurred_at = models.DateTimeField()
    detected_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = choice_field(BreachEnd, null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name_plural = "breaches"
        ordering = ("-occurred_at", "-id")
        constraints = (
            one_of("end_reason", BreachEnd),
            # Also read by operations.course, which loads the breaches of the deadlines it settles.
            models.UniqueConstraint(fields=["deadline", "occurred_at"], name="breach_once"),
            models.CheckConstraint(
                name="breach_ends_after_it_began",
                condition=models.Q(ended_at__isnull=True)
                | models.Q(ended_at__gte=models.F("occurred_at")),
            ),
            models.CheckConstraint(
                name="breach_end_has_reason",
                condition=models.Q(ended_at__isnull=True, end_reason__isnull=True)
                | models.Q(ended_at__isnull=False, end_reason__isnull=False),
            ),
            models.CheckConstraint(
                name="breach_acknowledged_by_someone",
                condition=models.Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | models.Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
            ),
        )
        indexes = (
            # Read by the breach list, newest first.
            models.Index(fields=["-occurred_at", "-id"], name="breach_newest"),
        )

    def __str__(self) -> str:
        return f"Breach from {self.occurred_at:%Y-%m-%d %H:%M}Z"


class SweepRun(models.Model):
    """One run of the sweep: when, how much it settled, how much it had to set aside."""

    as_of = models.DateTimeField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    settled = models.PositiveIntegerField(default=0)
    breaches = models.PositiveIntegerField(default=0)
    set_aside = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-started_at",)
        indexes = (
            # Read by the health page (the last run) and by the clearing of old runs.
            models.Index(fields=["-ended_at"], name="sweeprun_newest"),
        )

    def __str__(self) -> str:
        return f"Sweep of {self.started_at:%Y-%m-%d %H:%M:%S}Z"
