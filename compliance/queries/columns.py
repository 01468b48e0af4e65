"""The columns of a list, declared once: they give the SQL, the JSON, the tables and the schema.

A column is an expression in SQL. What it contains decides how it is written in JSON and in a table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from compliance.domain.problems import refusal
from compliance.domain.tables import FORMULA_STARTS, SEPARATOR


class Content(StrEnum):
    """What a column contains."""

    INTEGER = "integer"
    QUANTITY = "quantity"
    BOOLEAN = "boolean"
    DAY = "day"
    INSTANT = "instant"
    TEXT = "text"
    TEXTS = "texts"
    OBJECT = "object"
    OBJECTS = "objects"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One field of the rows of a list.

    `choices` are the only values of a text. `fields` are the columns of an object. A text that is a
    `code` begins with a letter or digit.
    """

    name: str
    content: Content
    sql: str
    description: str = ""
    is_nullable: bool = False
    is_code: bool = False
    choices: type[StrEnum] | None = None
    fields: Columns | None = None

    @property
    def json_sql(self) -> str:
        """SQL for the value as JSON has it."""
        if self.content == Content.INSTANT:
            return _INSTANT.format(self.sql)
        return f"trim_scale({self.sql})" if self.content == Content.QUANTITY else self.sql

    @property
    def cell_sql(self) -> str:
        """SQL for the value in a table, like `domain.tables.cell_text`."""
        if self.content in {Content.OBJECT, Content.OBJECTS, Content.BOOLEAN}:
            return f"({self.sql})::text"
        if self.content == Content.TEXTS:
            text = f"array_to_string({self.sql}, '{SEPARATOR}')"
        elif self.content == Content.TEXT:
            text = self.sql
        else:
            return self.json_sql
        if self.choices is not None:
            return text
        # COPY would quote an empty text.
        return f"nullif({text}, '')" if self.is_code else _CELL.format(text)


# The connection is in UTC. Its text of an instant is faster to change than to format.
_INSTANT = """
CASE WHEN {0} = date_trunc('second', {0}) THEN rtrim(translate(({0})::text, ' +', 'TZ'), '0')
     ELSE to_char({0}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END"""
_STARTS = "".join(FORMULA_STARTS).replace("\t", r"\t").replace("\r", r"\r").replace("\n", r"\n")
_CELL = f"""
CASE WHEN {{0}} = '' THEN NULL
     WHEN strpos(E'{_STARTS}', left({{0}}, 1)) > 0 THEN $$'$$ || {{0}} ELSE {{0}} END"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """The columns of a kind of row, in the order of JSON and tables."""

    name: str
    description: str
    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(each.name for each in self.columns)

    def sql(self, *, without: Collection[str] = ()) -> str:
        """Return the list of a SELECT, without some of the columns."""
        found = (each for each in self.columns if each.name not in without)
        return ",\n    ".join(f'{each.sql} AS "{each.name}"' for each in found)


def chosen(wanted: Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that a client wants, in the order of the declaration. None: all.

    Raises:
        Invalid: a field does not exist (at `fields`).
    """
    if wanted is None:
        return tuple(known)
    unknown = next((each for each in wanted if each not in known), None)
    if unknown is not None:
        sentence = f"There is no field {unknown}. Choose from: {', '.join(known)}."
        raise refusal("fields", sentence)
    return tuple(each for each in known if each in wanted)


def column(content: Content, name: str, sql: str, description: str = "", **more: Any) -> Column:
    """Return a column."""
    return Column(name=name, content=content, sql=sql, description=description, **more)
