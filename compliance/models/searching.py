"""Search in texts: case, accents and normalisation do not matter.

The function `compliance_folded` removes what people leave out when they search. It needs no
extension of PostgreSQL, unlike `unaccent`, which also misses decomposed characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Lookup

if TYPE_CHECKING:
    _Lookup = Lookup[Any]
else:
    _Lookup = Lookup

FOLDED = "compliance_folded"


class Folded(_Lookup):
    """`title__folded="uber"` finds rows whose title contains "Über"."""

    lookup_name = "folded"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        """Return the condition in SQL with its parameters."""
        column, column_values = self.process_lhs(compiler, connection)
        text, text_values = self.process_rhs(compiler, connection)
        sql = f"strpos({FOLDED}({column}), {FOLDED}({text})) > 0"
        return sql, (*column_values, *text_values)
