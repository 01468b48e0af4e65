"""Documents, statements and search logs that bear on a deadline. Append-only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from compliance.domain.civil_periods import period_text
from compliance.domain.phrases import shortened
from compliance.domain.vocabulary import EvidenceKind, Precision, Stance
from compliance.models.agreements.agreements import Agreement
from compliance.models.agreements.obligations import Obligation
from compliance.models.agreements.parties import Party
from compliance.models.append_only import append_only_but_purgeable
from compliance.models.choices import choice_field, one_of, precision_field


class Evidence(models.Model):
    """A document, statement or search log that supports or contradicts performance."""

    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="evidence", db_index=False
    )
    ref = models.CharField(max_length=64)
    title = models.CharField(max_length=1000)
    kind = choice_field(EvidenceKind)
    url = models.CharField(max_length=2000, blank=True, default="")
    quote = models.TextField(blank=True, default="")
    published_on = models.DateField(null=True, blank=True)
    published_on_precision = precision_field()
    asserted_by = models.ForeignKey(
        Party, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    stance = choice_field(Stance)
    obligations: models.ManyToManyField[Obligation, models.Model] = models.ManyToManyField(
        Obligation, related_name="evidence", blank=True
    )
    deadlines: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        # Refers to models by name, because the deadlines package imports this one.
        "compliance.Deadline",
        related_name="evidence",
        blank=True,
    )
    recorded_at = models.DateTimeField()
    stored_at = models.DateTimeField(db_default=Now(), editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name = "piece of evidence"
        verbose_name_plural = "pieces of evidence"
        ordering = ("id",)
        triggers = append_only_but_purgeable()
        constraints = (
            one_of("kind", EvidenceKind),
            one_of("published_on_precision", Precision),
            one_of("stance", Stance),
            models.UniqueConstraint(fields=["agreement", "ref"], name="evidence_ref_once"),
        )

    def __str__(self) -> str:
        return f"{self.ref} {shortened(self.title, 100)}"

    @property
    def published(self) -> str:
        """The day, month, quarter or year of publication; empty if it is not known."""
        if self.published_on is None:
            return ""
        return period_text(self.published_on, Precision(self.published_on_precision))


class EvidenceFile(models.Model):
    """A file of a piece of evidence. A better copy is added as a new revision."""

    evidence = models.ForeignKey(
        Evidence, on_delete=models.PROTECT, related_name="files", db_index=False
    )
    revision = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ("id",)
        triggers = append_only_but_purgeable()
        constraints = (
            models.UniqueConstraint(fields=["evidence", "revision"], name="evidencefile_once"),
            models.CheckConstraint(
                name="evidencefile_sha256_form", condition=models.Q(sha256__regex="^[0-9a-f]{64}$")
            ),
        )

    def __str__(self) -> str:
        return f"{self.name}, revision {self.revision}"

    @property
    def path(self) -> Path:
        """The path of the stored bytes."""
        return path_of(self.sha256)


def path_of(sha256: str) -> Path:
    """Return the path of the file with this hash. The hash names the file and verifies it."""
    folder: Path = settings.FILES_DIR
    return folder / sha256[:2] / sha256
