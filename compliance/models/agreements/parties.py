"""Parties: states, organisations and companies."""

from __future__ import annotations

from django.db import models

from compliance.domain.vocabulary import PartyKind
from compliance.models.choices import choice_field, one_of
from compliance.models.history import tracked


@tracked
class Party(models.Model):
    """A state, organisation or company that can owe or be owed an obligation."""

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    kind = choice_field(PartyKind)
    country = models.CharField(max_length=2, null=True, blank=True)  # noqa: DJ001 -- NULL: not given
    timezone = models.CharField(max_length=64)
    retired_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When it was retired. It is then no longer offered for new entries.",
    )
    retire_reason = models.CharField(
        max_length=1000,
        blank=True,
        default="",
        db_default="",
        help_text="Why it was last retired, merged or restored.",
    )
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="duplicates",
        db_index=False,
        help_text="The party that took over everything from this duplicate.",
    )

    class Meta:
        verbose_name_plural = "parties"
        ordering = ("code",)
        constraints = (
            one_of("kind", PartyKind),
            models.CheckConstraint(
                name="party_code_form",
                condition=models.Q(code__regex=r"^[A-Z0-9][A-Z0-9_-]*$"),
            ),
            models.CheckConstraint(
                name="party_merged_is_retired",
                condition=models.Q(merged_into__isnull=True)
                | (models.Q(retired_at__isnull=False) & ~models.Q(merged_into=models.F("id"))),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"
