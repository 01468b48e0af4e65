"""Enums of the domain as model fields: choices for forms, and a constraint in the database."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.db import models


def choice_field(
    words: type[StrEnum],
    *,
    default: StrEnum | None = None,
    db_default: StrEnum | None = None,
    null: bool = False,
) -> models.CharField[Any, Any]:
    """A text column that holds one of `words`."""
    return models.CharField(
        max_length=32,
        choices=[(word.value, word.value.replace("_", " ")) for word in words],
        null=null,
        blank=null,
        default=models.NOT_PROVIDED if default is None else default.value,
        db_default=models.NOT_PROVIDED if db_default is None else db_default.value,
    )


def one_of(column: str, words: type[StrEnum]) -> models.CheckConstraint:
    """The database's own check that `column` holds one of `words` (or nothing at all)."""
    return models.CheckConstraint(
        name=f"%(class)s_{column}_known",
        condition=models.Q(**{f"{column}__in": [word.value for word in words]}),
    )
