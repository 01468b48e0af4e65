"""Proof that records were not changed: chain heads, and seals over them."""

from __future__ import annotations

import pgtrigger
from django.db import models

from compliance.models.append_only import never_truncated


class Seal(models.Model):
    """A Merkle root over the heads of all chains at one instant."""

    sealed_at = models.DateTimeField()
    last_fact_id = models.BigIntegerField(help_text="The id of the last sealed fact.")
    last_entry_id = models.BigIntegerField(help_text="The id of the last sealed ledger entry.")
    chains = models.PositiveBigIntegerField(help_text="The number of chains that were not empty.")
    root = models.BinaryField(max_length=32)
    hash = models.BinaryField(
        max_length=32, help_text="Covers this seal and the hash of the previous one."
    )
    last_tombstone_id = models.BigIntegerField(
        null=True, help_text="The id of the last sealed tombstone, if there is one."
    )
    tombstone_hash = models.BinaryField(
        null=True, max_length=32, help_text="The hash of the last sealed tombstone."
    )
    signature = models.BinaryField(
        max_length=32, help_text="Signs the hash with a key that is not in the database."
    )
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        triggers = (
            never_truncated(),
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="read_only",
                fields=[
                    "id", "sealed_at", "last_fact_id", "last_entry_id", "chains", "root", "hash",
                    "last_tombstone_id", "tombstone_hash", "signature",
                ],
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"Seal of {self.sealed_at:%Y-%m-%d %H:%M}Z"
