"""Describe every field, parameter and response in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compliance.api.openapi_vocabulary import FIELDS, OF_SCHEMA, PARAMETERS

_PAGE = "A page of rows, and the address of the next page."
_RESPONSES = {
    "202": "The change waits for approval, as this proposal.",
    "204": "It is done. There is no body.",
}
_OF_OPERATION = {
    "document_schema": "The JSON Schema.",
    "evidence_files_retrieve": "The file.",
    "root": "The addresses of the resources, by name.",
}
_TEXT = {"schema": {"type": "string"}}
_HEADERS = {
    "evidence_files_retrieve": {
        "Content-Disposition": {"description": "The name of the file.", **_TEXT},
        "ETag": {"description": "The SHA-256 of the file.", "required": True, **_TEXT},
    },
}


def describe_fields(result: dict[str, Any], **_others: object) -> dict[str, Any]:
    """Add the descriptions that the fields, parameters and responses do not have themselves."""
    schemas = result["components"]["schemas"]
    for name, schema in schemas.items():
        if name.endswith("Page"):
            schema.setdefault("description", _PAGE)
        for field, content in schema.get("properties", {}).items():
            _describe(content, OF_SCHEMA.get(f"{name}.{field}") or FIELDS.get(field))
    for operation in _operations(result):
        for parameter in operation.get("parameters", ()):
            _describe(parameter, PARAMETERS.get(parameter["name"]))
        for status, response in operation["responses"].items():
            if "$ref" in response:
                continue
            described = _RESPONSES.get(status) or _OF_OPERATION.get(operation["operationId"])
            response["description"] = described or _of_content(response, schemas)
            if status == "200":
                response["headers"] |= _HEADERS.get(operation["operationId"], {})
    return result


def _describe(content: dict[str, Any], sentence: str | None) -> None:
    if sentence is not None and not content.get("description"):
        content["description"] = sentence


def _of_content(response: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return what the body of a response contains."""
    schema = next(iter(response["content"].values()))["schema"]
    name = schema.get("$ref", "").rpartition("/")[2]
    return str(schemas.get(name, {}).get("description", ""))


def _operations(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in result["paths"].values():
        for operation in methods.values():
            if isinstance(operation, dict) and "responses" in operation:
                yield operation
