"""Domain enums as model fields: choices for forms, and a constraint in the database."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from django.db import models

from compliance.domain.vocabulary import Precision


def choice_field(
    enum: Iterable[StrEnum],
    *,
    default: StrEnum | None = None,
    db_default: StrEnum | None = None,
    null: bool = False,
) -> models.CharField[Any, Any]:
    """Return a text column for a member of `enum`, or of a subset of it."""
    return models.CharField(
        max_length=32,
        choices=[(member.value, member.value.replace("_", " ")) for member in enum],
        null=null,
        blank=null,
        default=models.NOT_PROVIDED if default is None else default.value,
        db_default=models.NOT_PROVIDED if db_default is None else db_default.value,
    )


def precision_field() -> models.CharField[Any, Any]:
    """Return a column for the precision of a date."""
    return choice_field(Precision, default=Precision.DAY, db_default=Precision.DAY)


def one_of(column: str, enum: Iterable[StrEnum]) -> models.CheckConstraint:
    """Return a constraint that `column` is NULL or a member of `enum`."""
    return models.CheckConstraint(
        name=f"%(class)s_{column}_known",
        condition=models.Q(**{f"{column}__in": [member.value for member in enum]}),
    )
