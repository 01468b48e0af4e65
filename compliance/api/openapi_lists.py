"""What the OpenAPI document says of lists, of their formats, and of declared rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from compliance.api.lists import RowType, field_names
from compliance.api.openapi import filter_parameters, page_of
from compliance.api.preferences import APPLIED, PARAMETER
from compliance.api.quantities import QuantityField
from compliance.api.renderers import EXPORT_TYPES
from compliance.queries.columns import Column, Columns, Content
from compliance.queries.filters import Filter
from compliance.queries.pages import Format

_TABLES = {
    Format.CSV: OpenApiResponse(response=str),
    Format.NDJSON: OpenApiResponse(response=str),
    Format.XLSX: OpenApiResponse(response=bytes),
}


def list_schema(listing: type[Filter], row: RowType, *, is_endless: bool = False) -> dict[str, Any]:
    """Return what `extend_schema` needs for a list: its parameters, and its responses by format."""
    return {
        "parameters": table_parameters(listing, field_names(row)),
        "responses": formats_of(page_of(row, is_endless=is_endless)),
    }


def table_parameters(kind: type[Filter], names: Sequence[str]) -> list[OpenApiParameter]:
    """Return the query parameters of what can be exported, with the names of its fields."""
    found = filter_parameters(kind)
    for each in found:
        if each.name == "fields" and isinstance(each.type, dict):
            each.type["items"] = {"type": "string", "enum": list(names)}
    return found


def formats_of(answer: Any) -> dict[tuple[int, str], Any]:
    """Return the responses of what can be exported, by media type."""
    tables = {(200, EXPORT_TYPES[kind]): _TABLES[kind] for kind in _TABLES}
    return {(200, "application/json"): answer, **tables}


_BASIC = {
    "type": "http",
    "scheme": "basic",
    "description": "Only for exports: an API token as the password, with any user name.",
}
_HEADERS = {
    "Content-Disposition": {
        "description": "The name of the file, if it is an export.",
        "schema": {"type": "string"},
    },
    "Link": {
        "description": "The address of the next page, if one page is exported.",
        "schema": {"type": "string"},
    },
}
# The fields of rows that `expand` replaces, and by what.
_EXPANDED = {"DeadlineRow": {"obligation": "ObligationRow", "agreement": "AgreementRow"}}
# The names of what `fields` applies to.
_WITH_FIELDS = (
    "Page", "SummaryAnswer", "TrendAnswer", "UpcomingAnswer", "ReciprocityAnswer",
)  # fmt: skip


def describe_lists(result: dict[str, Any], **_others: object) -> dict[str, Any]:
    """Describe rows with only the fields that a client chose, and who may read exports."""
    schemas = result["components"]["schemas"]
    for name in [each for each in schemas if each.endswith(_WITH_FIELDS)]:
        results = schemas[name]["properties"]["results"]
        whole = results["items"]
        row = whole["$ref"].rpartition("/")[2]
        chosen = {key: each for key, each in schemas[row].items() if key != "required"}
        sentence = f"A {row} with only the `fields` that were chosen, or with expanded ones."
        for field, expanded in _EXPANDED.get(row, {}).items():
            reference = {"$ref": f"#/components/schemas/{expanded}"}
            plain = chosen["properties"][field]
            either = {"description": plain["description"], "anyOf": [plain, reference]}
            chosen["properties"] = {**chosen["properties"], field: either}
        schemas[f"Chosen{row}"] = {**chosen, "description": sentence}
        results["items"] = {"anyOf": [whole, {"$ref": f"#/components/schemas/Chosen{row}"}]}
    result["components"]["securitySchemes"]["export"] = _BASIC
    for methods in result["paths"].values():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        # Files can also be CSV.
        if {"application/json", EXPORT_TYPES[Format.CSV]} <= content.keys():
            methods["get"]["security"].append({"export": []})
            methods["get"]["responses"]["200"]["headers"].update(_HEADERS)
            if content["application/json"]["schema"]["$ref"].endswith("Page"):
                methods["get"].setdefault("parameters", []).append(PARAMETER)
                methods["get"]["responses"]["200"]["headers"]["Preference-Applied"] = APPLIED
    return result


_FIELDS: dict[Content, type[serializers.Field[Any, Any, Any, Any]]] = {
    Content.INTEGER: serializers.IntegerField,
    Content.QUANTITY: QuantityField,
    Content.BOOLEAN: serializers.BooleanField,
    Content.DAY: serializers.DateField,
    Content.INSTANT: serializers.DateTimeField,
    Content.TEXT: serializers.CharField,
    Content.OBJECT: serializers.DictField,
}


def serializer_of(row: Columns, *, name: str = "", doc: str = "", **more: Any) -> RowType:
    """Return declared columns as a serializer, which only describes them.

    Args:
        name: of the serializer, if it has `more` fields.
        doc: its description.
        more: further fields.
    """
    fields = {each.name: _field(each) for each in row}
    content = {"__doc__": doc or row.description, **fields, **more}
    return type(name or row.name, (serializers.Serializer,), content)


def _field(column: Column) -> serializers.Field[Any, Any, Any, Any]:
    options: dict[str, Any] = {"allow_null": column.is_nullable}
    if column.description:
        options["help_text"] = column.description
    if column.fields is not None:
        if column.content == Content.OBJECTS:
            options["many"] = True
        return serializer_of(column.fields)(**options)
    if column.choices is not None:
        return serializers.ChoiceField(choices=list(column.choices), **options)
    if column.content == Content.TEXTS:
        return serializers.ListField(child=serializers.CharField(), **options)
    if column.content == Content.TEXT:
        options["allow_blank"] = True
    return _FIELDS[column.content](**options)
