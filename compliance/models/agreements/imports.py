"""Import batches: who imported what and when, and the rows that each import created."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from compliance.domain.agreements.import_reports import LONGEST_SOURCE, ImportMode
from compliance.models.agreements.agreements import Agreement
from compliance.models.append_only import append_only_but_purgeable
from compliance.models.choices import choice_field, one_of


class ImportBatch(models.Model):
    """One import of a document that stored something. It can be purged as a whole."""

    agreement = models.ForeignKey(
        Agreement, on_delete=models.CASCADE, related_name="imports", db_index=False
    )
    is_new_agreement = models.BooleanField(help_text="Whether it created the agreement.")
    mode = choice_field(ImportMode)
    source_name = models.CharField(
        max_length=LONGEST_SOURCE,
        blank=True,
        default="",
        help_text="The name of the file, if it was given.",
    )
    imported_at = models.DateTimeField()
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    counts = models.JSONField(help_text="What it stored: the number of rows by kind.")
    former_recorded_at = models.DateTimeField(
        null=True, help_text="When the agreement had become known, before the import said earlier."
    )

    class Meta:
        verbose_name = "import"
        ordering = ("id",)
        permissions = (("purge_importbatch", "Can purge import"),)
        triggers = append_only_but_purgeable()
        constraints = (one_of("mode", ImportMode),)
        indexes = (
            # Read by the list of the imports of an agreement.
            models.Index(fields=["agreement", "id"], name="importbatch_of_agreement"),
        )

    def __str__(self) -> str:
        return f"Import of {self.imported_at:%Y-%m-%d %H:%M}Z into {self.agreement.ref}"


class ImportedRows(models.Model):
    """The rows of one table that an import created."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="imported_rows")
    table_name = models.CharField(max_length=64)
    ids = ArrayField(models.BigIntegerField())

    class Meta:
        verbose_name = "imported rows"
        verbose_name_plural = "imported rows"
        ordering = ("id",)
        triggers = append_only_but_purgeable()

    def __str__(self) -> str:
        return f"{len(self.ids)} rows of {self.table_name}"
