"""The OpenAPI document is accurate, and no request that matches it causes a server error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from django.test import Client
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no stubs
from rest_framework import serializers

from compliance.api import proposed, root
from compliance.api.agreements import agreements, obligations, parties
from compliance.api.alerts import alerts, subscriptions
from compliance.api.deadlines import (
    breaches,
    changes,
    deadlines,
    determinations,
    facts,
    positions,
    summary,
)
from compliance.api.evidence import evidence
from compliance.api.integrity import seals
from compliance.api.openapi_examples import BODIES
from compliance.api.openapi_vocabulary import FIELDS, OF_SCHEMA, PARAMETERS
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.models import Agreement, Deadline, User
from compliance.operations.agreements.proposals import submit
from compliance.operations.integrity import seals as sealing
from compliance.operations.people.tokens import create_token
from config.wsgi import application
from tests.api.answers import BASE, rows
from tests.profiles import scaled
from tests.samples import create_agreement, obligation, record, subscribe
from tests.shared_worlds import in_one_world

SEED = 20_250_514


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    generated: dict[str, Any] = root.document()
    return generated


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    validate_schema(document)
    assert document["openapi"].startswith("3.1")


def test_the_document_is_json_unless_yaml_is_requested(client: Client) -> None:
    assert client.get(f"{BASE}schema/").json()["openapi"].startswith("3.1")
    query = {"Accept": "application/yaml"}
    assert client.get(f"{BASE}schema/", headers=query).content.startswith(b"openapi:")


def test_the_document_is_generated_once_for_everyone(client: Client, api: Client) -> None:
    first, second = (each.get(f"{BASE}schema/") for each in (client, api))
    assert first.data is second.data  # type: ignore[attr-defined]  # of REST framework's responses
    assert first.content == second.content


def test_the_document_lists_every_address_and_method(document: dict[str, Any]) -> None:
    offered = {
        f"{verb} {address.removeprefix(BASE)}"
        for address, operations in document["paths"].items()
        for verb in operations
        if verb in {"get", "post", "patch", "put", "delete"}
    }
    expected = {
        "get ", "get summary/", "get trend/", "get changes/", "get schema/", "get document-schema/",
        "get upcoming/", "get reciprocity/",
        "post agreements/import/", "post agreements/{ref}/archive/",
        "post parties/{code}/retire/", "post parties/{code}/restore/",
        "post parties/{code}/merge/",
        "post agreements/{ref}/restore/",
        "post agreements/{ref}/purge/", "post imports/{id}/purge/",
        "get tombstones/{id}/rows/", "get deadlines/{id}/timeline/",
        "post due-rules/preview/", "get changes/between/",
        "get deadlines/{id}/history/", "get deadlines/{id}/why/",
        "get evidence/{id}/files/", "post evidence/{id}/files/",
        "get evidence/{id}/files/{revision}/",
        "get obligations/{id}/consequences/",
        "post deadlines/{id}/what-if/", "post proposals/{id}/approve/",
        "post proposals/{id}/reject/",
        "post breaches/{id}/acknowledge/", "post silences/{id}/end/",
        "get alerts/{id}/attempts/", "post alerts/{id}/redeliver/",
        "post webhooks/{id}/rotate/", "post calendar-feeds/{id}/revoke/",
        "post tokens/{id}/rotate/", "delete tokens/{id}/", "get audit/",
        "get users/me/", "post users/{id}/invite/", "post users/{id}/close/",
    }  # fmt: skip
    for room, key, verbs in (
        ("parties", "code", "lcrp"),
        ("agreements", "ref", "lcrp"),
        ("obligations", "id", "lcrp"),
        ("subscriptions", "id", "lcrp"),
        ("facts", "id", "lcr"),
        ("positions", "id", "lcr"),
        ("evidence", "id", "lcr"),
        ("deadlines", "id", "lr"),
        ("breaches", "id", "lr"),
        ("alerts", "id", "lr"),
        ("seals", "id", "lr"),
        ("tombstones", "id", "lr"),
        ("imports", "id", "lr"),
        ("determinations", "id", "lcr"),
        ("proposals", "id", "lr"),
        ("silences", "id", "lcr"),
        ("webhooks", "id", "lcrp"),
        ("calendar-feeds", "id", "lcr"),
        ("tokens", "id", "lcr"),
        ("users", "id", "lcrp"),
        ("teams", "slug", "lcrp"),
    ):
        addresses = {
            "l": f"get {room}/",
            "c": f"post {room}/",
            "r": f"get {room}/{{{key}}}/",
            "p": f"patch {room}/{{{key}}}/",
        }
        expected |= {addresses[verb] for verb in verbs}
    assert offered - {"get schema/"} == expected - {"get schema/"}


def test_a_request_body_requires_only_what_has_no_default(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["PartyDraft"]["required"]) == {"code", "name", "kind"}
    assert "required" not in schemas["PartyChanges"]
    assert set(schemas["NewFact"]["required"]) == {"deadline", "type"}
    assert set(schemas["NewAgreementFact"]["required"]) == {"agreement", "type"}
    assert schemas["AnyNewFact"]["oneOf"] == [
        {"$ref": "#/components/schemas/NewFact"},
        {"$ref": "#/components/schemas/NewAgreementFact"},
    ]
    assert set(schemas["PreviewDraft"]["required"]) == {"rule"}
    assert set(schemas["OffsetRule"]["required"]) == {"type", "count", "unit"}
    assert set(schemas["DateRule"]["required"]) == {"type", "on"}
    assert schemas["PartyDraft"]["additionalProperties"] is False


def test_the_document_describes_token_authentication(document: dict[str, Any]) -> None:
    scheme = document["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert {"token": []} in document["paths"][f"{BASE}parties/"]["get"]["security"]


def test_list_parameters_are_comma_separated(document: dict[str, Any]) -> None:
    parameters = document["paths"][f"{BASE}deadlines/"]["get"]["parameters"]
    [status] = [each for each in parameters if each["name"] == "status"]
    assert (status["explode"], status["schema"]["type"]) == (False, "array")
    assert "unmet" in status["schema"]["items"]["enum"]


def test_the_least_number_of_values_of_a_parameter_is_described(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/v1/reciprocity/"]["get"]
    least = {each["name"]: each["schema"].get("minItems") for each in operation["parameters"]}
    assert (least["parties"], least["status"]) == (2, 1)


def test_a_tag_is_repeated_to_require_several(document: dict[str, Any]) -> None:
    parameters = document["paths"][f"{BASE}deadlines/"]["get"]["parameters"]
    [tag] = [each for each in parameters if each["name"] == "tag"]
    assert (tag["explode"], tag["schema"]["type"]) == (True, "array")


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for address, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in {"get", "post", "patch", "put", "delete"}:
                yield address, method, operation


def test_every_operation_lists_each_status_that_it_can_respond_with(
    document: dict[str, Any],
) -> None:
    for address, method, operation in _operations(document):
        if address.endswith(("/schema/", "/docs/")):
            continue
        statuses = set(operation["responses"])
        expected = {"400", "401", "403", "406", "429", "503"}
        expected |= {"404"} if "{" in address else set()
        expected |= {"304"} if method == "get" else {"409", "507"}
        expected |= {"411", "413", "415"} if "requestBody" in operation else set()
        successes = {each for each in statuses if each.startswith("2")}
        assert successes
        assert statuses - successes == expected, (method, address)


def test_every_field_parameter_and_response_is_described(document: dict[str, Any]) -> None:
    undescribed = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, content in schema.get("properties", {}).items()
        if not content.get("description")
    ]
    for address, method, operation in _operations(document):
        if address.endswith(("/schema/", "/docs/")):
            continue
        named = {each["name"]: each for each in operation.get("parameters", ())}
        named |= operation["responses"]
        undescribed += [
            f"{method} {address}: {name}"
            for name, content in named.items()
            if not content.get("description") and "$ref" not in content
        ]
    assert undescribed == []


def test_every_description_of_a_field_or_parameter_is_used(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    fields = {field for schema in schemas.values() for field in schema.get("properties", {})}
    parameters = {
        each["name"] for _, _, operation in _operations(document)
        for each in operation.get("parameters", ())
    }  # fmt: skip
    assert set(FIELDS) <= fields
    assert set(PARAMETERS) <= parameters
    for place in OF_SCHEMA:
        name, _, field = place.partition(".")
        assert field in schemas[name]["properties"], place


def test_the_root_lists_every_address_without_a_parameter_that_can_be_read(
    client: Client, document: dict[str, Any]
) -> None:
    readable = {address for address, method, _ in _operations(document) if method == "get"}
    readable = {each for each in readable if "{" not in each and each != BASE}
    listed = {urlsplit(each).path for each in client.get(BASE).json().values()}
    assert readable - listed == set()


def test_the_limits_of_numbers_in_queries_are_described(document: dict[str, Any]) -> None:
    limits = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    for address, method, operation in _operations(document):
        for each in operation.get("parameters", ()):
            if each["schema"].get("type") == "integer":
                assert len(limits & set(each["schema"])) == 2, (method, address, each["name"])


def test_an_uploaded_file_is_described_as_binary(document: dict[str, Any]) -> None:
    body = document["paths"][f"{BASE}evidence/{{id}}/files/"]["post"]["requestBody"]
    schema = body["content"]["multipart/form-data"]["schema"]
    assert schema["properties"]["file"]["format"] == "binary"


def test_the_reason_for_a_change_has_the_same_limit_everywhere(document: dict[str, Any]) -> None:
    [of_import] = [
        each["schema"]
        for each in document["paths"][f"{BASE}agreements/import/"]["post"]["parameters"]
        if each["name"] == "reason"
    ]
    of_body = document["components"]["schemas"]["AgreementDraft"]["properties"]["reason"]
    assert of_import["maxLength"] == of_body["maxLength"] == 1_000


def test_an_action_that_creates_nothing_is_described_as_200(document: dict[str, Any]) -> None:
    for address in (
        "breaches/{id}/acknowledge/", "users/{id}/invite/", "users/{id}/close/",
        "alerts/{id}/redeliver/",
    ):  # fmt: skip
        responses = document["paths"][f"{BASE}{address}"]["post"]["responses"]
        assert "200" in responses, address
        assert "201" not in responses, address


def test_links_lead_from_the_fields_of_a_response_to_those_of_a_request(
    document: dict[str, Any],
) -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in _operations(document)}
    count = 0
    for _, _, operation in _operations(document):
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                count += 1
                target = by_id[link["operationId"]]
                names = {each["name"] for each in target.get("parameters", ())}
                assert set(link.get("parameters", ())) <= names
                content = response["content"]["application/json"]["schema"]
                for expression in (
                    *link.get("parameters", {}).values(),
                    *link.get("requestBody", {}).values(),
                ):
                    pointer = expression.removeprefix("$response.body#/").split("/")
                    assert _has_field(document, content, pointer), expression
    assert count > 50


def _has_field(document: dict[str, Any], schema: dict[str, Any], pointer: list[str]) -> bool:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    # The rows of a list: all fields, or those that were chosen.
    schema = next(iter(schema.get("anyOf", ())), schema)
    if "$ref" in schema:
        return _has_field(document, schema, pointer)
    if not pointer:
        return True
    name, *rest = pointer
    inner = schema["items"] if name.isdigit() else schema["properties"].get(name)
    return inner is not None and _has_field(document, inner, rest)


def test_a_required_parameter_is_described_as_required(document: dict[str, Any]) -> None:
    parameters = document["paths"][f"{BASE}changes/between/"]["get"]["parameters"]
    required = {each["name"] for each in parameters if each.get("required")}
    assert required == {"since"}


ROWS: dict[str, type[serializers.Serializer[Any]]] = {
    "parties/": parties.PartyRow,
    "agreements/": agreements.AgreementRow,
    "obligations/": obligations.ObligationRow,
    "deadlines/": deadlines.DeadlineRow,
    "facts/": facts.FactRow,
    "determinations/": determinations.DeterminationRow,
    "proposals/": proposed.ProposalRow,
    "positions/": positions.PositionRow,
    "evidence/": evidence.EvidenceRow,
    "breaches/": breaches.BreachRow,
    "alerts/": alerts.AlertRow,
    "subscriptions/": subscriptions.SubscriptionRow,
    "changes/": changes.ChangeRow,
    "seals/": seals.SealRow,
    "summary/": summary.GroupRow,
}


@pytest.fixture
def every_row(desk: User, geneva: Agreement) -> None:
    """Rows of every kind."""
    subscribe()
    deadline = create_agreement(
        obligation(target_quantity="1.5", tags=["x"], grace={"count": 1, "unit": "days"})
    )
    due = {"type": "date", "on": "2026-04-01"}
    record(deadline, as_of=geneva.created_at, type="extension", on="2026-03-01", due=due)
    conclusion: dict[str, Any] = {
        "type": "determination",
        "verdict": "not_met",
        "note": "Nothing came.",
    }
    record(deadline, as_of=geneva.created_at, on="2026-03-02", **conclusion)
    Agreement.objects.filter(pk=deadline.agreement_id).update(requires_approval=True)
    waiver = read(FactDraft, {"type": "waiver", "on": "2026-03-03"})
    deadline = Deadline.objects.get(pk=deadline.pk)
    submit(deadline=deadline, draft=waiver, by=desk, as_of=geneva.created_at)
    sealing.seal(as_of=geneva.created_at)


@in_one_world("room", ROWS)
def test_every_row_matches_its_schema(api: Client, every_row: None, room: str) -> None:
    found = rows(api, room)
    assert found
    for row in found:
        serializer = ROWS[room](data=row)
        fields = serializer.fields.items()
        assert list(row) == [name for name, field in fields if field.required or name in row]
        assert serializer.is_valid(), serializer.errors


@pytest.mark.exhaustive
@pytest.mark.property
@pytest.mark.django_db(transaction=True)  # each request ends with its own connection
def test_no_request_that_matches_the_document_causes_a_server_error(
    document: dict[str, Any],
) -> None:
    # It takes most of a second to import.
    import schemathesis
    from schemathesis.specs.openapi.checks import response_schema_conformance

    desk = User.objects.create_superuser("desk@example.org", "secret")
    create_agreement(obligation("O-1"), obligation("O-2", "2099-01-01"))
    token = create_token(name="t", user=desk, is_read_only=False)
    # The client of an application in the same process does not decompress.
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    schema = schemathesis.openapi.from_dict(orjson.loads(orjson.dumps(document)))
    schema.app = application
    print(f"seed {SEED}")
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        if operation.path.endswith(("/schema/", "/docs/")):
            continue
        for mode in schemathesis.GenerationMode:
            strategy = operation.as_strategy(generation_mode=mode)

            @seed(SEED)
            @given(case=strategy)
            @settings(
                max_examples=scaled(0.01),
                database=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def call(case: Any) -> None:
                response = case.call(headers=headers)
                assert response.status_code < 500, (case.as_curl_command(), response.text)
                if response.status_code >= 400:
                    kind = response.headers["content-type"]
                    assert kind == ["application/problem+json"], kind
                case.validate_response(response, checks=[response_schema_conformance])

            # Without parameters, nothing can be invalid.
            with suppress(Unsatisfiable):
                call()


def test_every_body_has_an_example_that_the_document_allows(document: dict[str, Any]) -> None:
    missing, wrong = [], []
    for _, _, operation in _operations(document):
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            if kind == "multipart/form-data":
                continue
            examples = [each["value"] for each in content.get("examples", {}).values()]
            missing += [] if examples else [operation["operationId"]]
            schema = {**content["schema"], "components": document["components"]}
            for each in examples:
                faults = Draft202012Validator(schema).iter_errors(each)
                wrong += [f"{operation['operationId']}: {fault.message}" for fault in faults]
    assert (missing, wrong) == ([], [])
    used = {operation["operationId"] for _, _, operation in _operations(document)}
    assert set(BODIES) <= used


def test_operations_are_named_after_what_they_do(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in _operations(document)]
    assert len(names) == len(set(names))
    assert {"breaches_acknowledge", "agreements_archive", "tokens_rotate"} <= set(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", each) for each in names)
