"""The order of lists by a column that can be empty."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.db.models.expressions import OrderBy


class NullsLast(F):
    """A column to sort by in either direction, with empty values last."""

    def asc(self, **kwargs: Any) -> OrderBy:
        """Return the ascending order."""
        return OrderBy(self, nulls_last=True)

    def desc(self, **kwargs: Any) -> OrderBy:
        """Return the descending order."""
        return OrderBy(self, descending=True, nulls_last=True)
