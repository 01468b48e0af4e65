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
        sql = f"strpos({FOLDED}({self.text_of(column)}), {FOLDED}({text})) > 0"
        return sql, (*column_values, *text_values)

    def text_of(self, column: str) -> str:
        """Return SQL for the text that is searched."""
        return column


class FoldedList(Folded):
    """`tags__folded="uber"` finds rows of which one word contains "Über"."""

    def get_prep_lookup(self) -> Any:
        """Return the text to search for, which is no list."""
        return self.rhs

    def get_db_prep_lookup(self, value: Any, connection: Any) -> Any:  # noqa: ARG002  Django's
        """Return the text as a parameter."""
        return "%s", [value]

    def text_of(self, column: str) -> str:
        """Return SQL for the words, each on a line of its own."""
        return f"array_to_string({column}, E'\\n')"
