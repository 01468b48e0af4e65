"""What the JSON Schema of a type says beyond what Pydantic derives from it.

Formats name what no pattern can describe exactly; `docs/api.md` says what each of them accepts. A
program that does not know a format ignores it. Nothing here validates anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.config import JsonDict, JsonValue
from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class Format:
    """Adds a `format` to the JSON Schema of a text."""

    name: str

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the JSON Schema of the type with the format."""
        return {**handler(core_schema), "format": self.name}


@dataclass(frozen=True, slots=True)
class _AllDifferent:
    """Says in the JSON Schema of a list that its items differ."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the JSON Schema of the list with `uniqueItems`."""
        return {**handler(core_schema), "uniqueItems": True}


def one_of(*names: str, otherwise: JsonDict | None = None) -> JsonDict:
    """Return what a JSON Schema says if exactly one of these fields is not null.

    Args:
        names: of the fields.
        otherwise: the schema of an object that has none of them, if there may be one.
    """
    choices: list[JsonValue] = [
        {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names
    ]
    return {"oneOf": choices if otherwise is None else [*choices, otherwise]}


ALL_DIFFERENT = _AllDifferent()

LINE = Format("line")
TEXT = Format("text")
EMAIL = Format("email")
WEB_ADDRESS = Format("web-address")
COUNTRY = Format("country")
TIME_ZONE = Format("time-zone")
CALENDAR = Format("calendar")
RECURRENCE = Format("rrule")
NETWORK = Format("network")
RESPONSIBLE = Format("responsible")
CURSOR = Format("cursor")
