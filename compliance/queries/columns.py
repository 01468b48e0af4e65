"""The columns of a list, declared once: they give the SQL, the JSON, the tables and the schema.

A column is an expression in SQL, or null in SQL and computed afterwards. What it contains decides
how it is written in JSON and in a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from compliance.domain.problems import refusal


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

    `choices` are the only values of a text. `fields` are the columns of an object.
    """

    name: str
    content: Content
    sql: str | None
    description: str = ""
    is_nullable: bool = False
    choices: type[StrEnum] | None = None
    fields: Columns | None = None


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

    @property
    def sql(self) -> str:
        """The list of a SELECT with all columns that are expressions."""
        found = (each for each in self.columns if each.sql is not None)
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


def column(
    content: Content, name: str, sql: str | None, description: str = "", **more: Any
) -> Column:
    """Return a column."""
    return Column(name=name, content=content, sql=sql, description=description, **more)
