"""Tombstones: what purges removed, identified by hash, so that the proof survives the removal."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import orjson
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from compliance.domain.integrity.purges import PurgeSubject
from compliance.models.append_only import append_only
from compliance.models.choices import choice_field, one_of


class Tombstone(models.Model):
    """The record of one purge: what was removed, when, by whom and why."""

    subject = choice_field(PurgeSubject)
    subject_id = models.BigIntegerField()
    ref = models.CharField(max_length=200, help_text="The ref of what was removed.")
    reason = models.CharField(max_length=1000)
    purged_at = models.DateTimeField()
    purged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    counts = models.JSONField(help_text="The number of removed rows by table.")
    transaction_id = models.BigIntegerField(
        help_text="The transaction in which it was written, and only in which it permits removals."
    )
    hash = models.BinaryField(
        max_length=32,
        help_text="Covers this tombstone, its removed rows and the hash of the previous one.",
    )
    signature = models.BinaryField(
        max_length=32, help_text="Signs the hash with a key that is not in the database."
    )

    class Meta:
        ordering = ("id",)
        triggers = append_only()
        constraints = (one_of("subject", PurgeSubject),)

    def __str__(self) -> str:
        return f"Purge of {self.ref} on {self.purged_at:%Y-%m-%d}"


class RemovedRows(models.Model):
    """The rows of one table that a purge removed: a whole hash chain, or rows outside of chains."""

    tombstone = models.ForeignKey(Tombstone, on_delete=models.PROTECT, related_name="removed_rows")
    table_name = models.CharField(max_length=64)
    chain = models.CharField(
        max_length=64, blank=True, default="", help_text="What the chain belongs to, if any."
    )
    key = models.BigIntegerField(null=True, help_text="The id of what the chain belongs to.")
    ids = ArrayField(models.BigIntegerField(), help_text="In the order of the chain.")
    hashes = ArrayField(models.BinaryField(max_length=32))

    class Meta:
        verbose_name = "removed rows"
        verbose_name_plural = "removed rows"
        ordering = ("id",)
        triggers = append_only()

    def __str__(self) -> str:
        return f"{len(self.ids)} rows of {self.table_name}"


def chained_tombstone(tombstone: Tombstone, removed: Iterable[RemovedRows]) -> list[object]:
    """Return the values covered by the hash of a tombstone.

    Args:
        removed: its removed rows, by id.
    """
    digest = sha256()
    for each in removed:
        values = [each.id, each.table_name, each.chain, each.key, each.ids]
        digest.update(orjson.dumps([*values, [bytes(one).hex() for one in each.hashes]]))
    return [
        tombstone.id,
        tombstone.subject,
        tombstone.subject_id,
        tombstone.ref,
        tombstone.reason,
        tombstone.purged_at,
        tombstone.purged_by_id,
        orjson.dumps(tombstone.counts, option=orjson.OPT_SORT_KEYS).decode(),
        digest.hexdigest(),
    ]
