"""Exact numbers in responses."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


@extend_schema_field({"type": "number"})
class QuantityField(serializers.DecimalField):
    """Describes a quantity or share: a JSON number, rendered from a Decimal with all its digits."""

    def __init__(self, **more: Any) -> None:
        # A computed number may have as many digits as its column.
        super().__init__(max_digits=20, decimal_places=6, coerce_to_string=False, **more)
