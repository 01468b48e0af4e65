"""OpenAPI descriptions of drafts, query parameters and pages."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.authentication import SessionScheme as BaseSessionScheme
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema_serializer,
)
from pydantic import BaseModel
from rest_framework import serializers

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.drafts import Draft, ReasonDraft
from compliance.queries.filters import Filter

Direction = Literal["request", "response"]
_COMPONENTS = "#/components/schemas/{model}"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library is untyped
    """The security scheme of the API."""

    target_class = "compliance.api.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the scheme: a bearer token."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "pacta_ and 36 digits and letters",
            "description": "An API token, from `tokens/`, the admin or `manage.py create_token`.",
        }


class SessionScheme(BaseSessionScheme):  # type: ignore[no-untyped-call]  # the library is untyped
    """The admin session as a security scheme."""

    target_class = "compliance.api.authentication.SessionAuthentication"


class DraftExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # the library is untyped
    """Describes a draft as a request body. Fields with defaults are optional."""

    target_class = Draft
    match_subclasses = True
    priority = 1

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str:
        """Return the name of the class."""
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return the JSON Schema of the draft, and register its nested schemas."""
        schema = _schema_of(self.target, auto_schema)
        # The reason for an import is a parameter: a document is the same wherever it is loaded.
        return schema if self.target is AgreementDocument else _with_reason(schema)


class Changes:
    """A body that contains only the changed fields of a draft."""

    draft: type[Draft]


def changes_of(kind: type[Draft]) -> type[Changes]:
    """Return the description of a PATCH body."""
    name = kind.__name__.removesuffix("Draft").removesuffix("Changes")
    return type(f"{name}Changes", (Changes,), {"draft": kind})


class ChangesExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # the library is untyped
    """Describes a PATCH body: the fields of its draft, all optional."""

    target_class = Changes
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str:
        """Return the name of the class."""
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return the JSON Schema of the draft without required fields."""
        schema = _schema_of(self.target.draft, auto_schema)
        for name in ("required", "oneOf"):
            schema.pop(name, None)
        schema["title"] = self.target.__name__
        return _with_reason(schema)


def either(name: str, *drafts: Any) -> PolymorphicProxySerializer:
    """Return the description of a body that is one of several drafts."""
    return PolymorphicProxySerializer(
        component_name=name, serializers=drafts, resource_type_field_name=None
    )


def _schema_of(model: type[BaseModel], auto_schema: AutoSchema) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_COMPONENTS, mode="validation")
    for name, part in schema.pop("$defs", {}).items():
        component = ResolvedComponent(  # type: ignore[no-untyped-call]  # the library is untyped
            name=name, type=ResolvedComponent.SCHEMA, object=name, schema=part
        )
        auto_schema.registry.register_on_missing(component)
    return schema


def filter_parameters(filter_class: type[Filter]) -> list[OpenApiParameter]:
    """Return the query parameters of a filter."""
    schema = filter_class.model_json_schema(mode="validation")
    parts = schema.get("$defs", {})
    required = schema.get("required", ())
    found = []
    for name, described in schema.get("properties", {}).items():
        flat = _without_null(_resolved(described, parts))
        if flat.get("type") == "array":
            # Pydantic calls it a length beside a validator of the array. `status=` is one value.
            flat["minItems"] = flat.pop("minLength", 1)
            if not flat.get("default"):
                flat.pop("default", None)
        found.append(
            OpenApiParameter(
                name=name,
                type=flat,
                location=OpenApiParameter.QUERY,
                required=name in required,
                description=described.get("description", ""),
                explode=filter_class.is_repeated(name) if flat.get("type") == "array" else None,
                style="form" if flat.get("type") == "array" else None,
            )
        )
    return found


def _with_reason(schema: dict[str, Any]) -> dict[str, Any]:
    """Add the reason for a change, which every body may contain."""
    reason = ReasonDraft.model_json_schema()["properties"]["reason"]
    schema.setdefault("properties", {}).setdefault("reason", reason)
    return schema


def _resolved(schema: Any, parts: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_resolved(each, parts) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        part = dict(parts[schema["$ref"].rpartition("/")[2]])
        part.pop("description", None)
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        return _resolved({**part, **rest}, parts)
    return {name: _resolved(value, parts) for name, value in schema.items() if name != "title"}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    # A missing parameter becomes null internally, but a URL cannot contain null.
    schema = {name: value for name, value in schema.items() if name != "description"}
    if schema.get("default", ...) is None:
        del schema["default"]
    choices = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if len(choices) == 1:
        del schema["anyOf"]
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices
    return schema


def page_of(row: type[serializers.Serializer[Any]], *, is_endless: bool = False) -> Any:
    """Return the description of a page of rows. With `is_endless`, `next` is never null."""
    page = type(
        f"{row.__name__.removesuffix('Row')}Page",
        (serializers.Serializer,),
        {
            "next": serializers.URLField(allow_null=not is_endless),
            "count": serializers.IntegerField(
                required=False,
                help_text="How many rows the whole list has, if `Prefer: count=` asks for it.",
            ),
            "results": row(many=True),
        },
    )
    return extend_schema_serializer(many=False)(page)


_ANYTHING_OR_NULL = [{}, {"type": "null"}]


def correct(result: dict[str, Any], **_others: object) -> dict[str, Any]:
    """Correct what drf-spectacular generates.

    Its marks for a hook that names enums are removed, because that hook is not used here. Bodies
    with alternatives become required. A schema of anything or null becomes one of anything. An
    action has a name of its own: `breaches_acknowledge`, not `breaches_acknowledge_create`.
    """
    plain: dict[str, Any] = _unmarked(result)
    schemas = plain["components"]["schemas"]
    for path, operations in plain["paths"].items():
        if "}/" in path.removesuffix("}/") and set(operations) == {"post"}:
            action = operations["post"]
            action["operationId"] = action["operationId"].removesuffix("_create")
        for operation in operations.values():
            body = operation.get("requestBody", {}) if isinstance(operation, dict) else {}
            for content in body.get("content", {}).values():
                name = content["schema"].get("$ref", "").rpartition("/")[2]
                if "oneOf" in schemas.get(name, content["schema"]):
                    body["required"] = True
    return plain


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("oneOf") == _ANYTHING_OR_NULL:
            value = {name: each for name, each in value.items() if name != "oneOf"}
        return {name: _unmarked(each) for name, each in value.items() if name != "x-spec-enum-id"}
    return [_unmarked(each) for each in value] if isinstance(value, list) else value
