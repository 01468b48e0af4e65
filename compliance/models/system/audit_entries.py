"""The audit log: who did what, when, from where and why."""

from __future__ import annotations

from typing import ClassVar, Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from compliance.domain.phrases import label
from compliance.domain.vocabulary import AuditAction
from compliance.models.append_only import never_truncated
from compliance.models.choices import choice_field, one_of

REFUSALS = (AuditAction.SIGN_IN_FAILED, AuditAction.REFUSED)


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Row predicates for audit entries."""

    def refusals(self) -> Self:
        """Entries that anybody can cause, and whose number is therefore limited."""
        return self.filter(action__in=[each.value for each in REFUSALS])

    def unpublished(self) -> Self:
        """Entries without a position in the feed yet."""
        return self.filter(position__isnull=True)


class AuditEntry(models.Model):
    """One change of a tracked row, or one sign-in, sign-out or refusal.

    Triggers on the tables of the change history add the entries of changes, so that bulk operations
    and SQL are included. They refer to the stored copy of the row, which holds the values.
    """

    position = models.BigIntegerField(
        null=True,
        unique=True,
        editable=False,
        help_text="The place in the feed. Assigned after the commit, in the order of publication.",
    )
    at = models.DateTimeField()
    kind = models.CharField(max_length=64, help_text="What was changed, such as `agreement`.")
    action = choice_field(AuditAction)
    object_id = models.BigIntegerField(null=True, help_text="The id of what was changed.")
    event_id = models.BigIntegerField(null=True, help_text="The copy of the row in the history.")
    context_id = models.UUIDField(null=True, help_text="What belongs to the same request.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    address = models.CharField(max_length=45, default="", db_default="")
    request_id = models.CharField(max_length=36, default="", db_default="")
    details = models.JSONField(null=True)

    objects: ClassVar[models.Manager[AuditEntry]] = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ("-id",)
        constraints = (one_of("action", AuditAction),)
        indexes = (
            # Read when entries are published.
            models.Index(
                fields=["id"], name="auditentry_waiting", condition=models.Q(position__isnull=True)
            ),
            # Read by the feed of one person.
            models.Index(fields=["actor", "position"], name="auditentry_actor"),
            # Read by the feed about one object.
            models.Index(fields=["kind", "object_id", "position"], name="auditentry_object"),
            # Read by the feed of a period.
            BrinIndex(fields=["at"], name="auditentry_period"),
            # Read before a refusal is stored, to count the earlier ones.
            models.Index(
                fields=["address", "at"],
                name="auditentry_refusals",
                condition=models.Q(action__in=[each.value for each in REFUSALS]),
            ),
        )
        triggers = (
            never_truncated(),
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="read_only",
                fields=[
                    "id", "at", "kind", "action", "object_id", "event_id", "context_id", "actor",
                    "address", "request_id", "details",
                ],
            ),
            pgtrigger.Protect(
                name="published_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__position__isnull=False),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        subject = f"{label(self.kind)} {self.object_id or ''}".strip()
        return f"{subject.capitalize()} {label(self.action)}"


class AuditExport(models.Model):
    """How far the audit log was written as log lines."""

    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"Exported up to {self.position}"
