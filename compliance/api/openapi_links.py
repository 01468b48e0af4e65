"""Links in the OpenAPI document: what can be done with a row that was just created or listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class _Link:
    """A step from the response of one operation to the request of another.

    `parameters` and `body` take fields from the response, by their JSON pointers in it.
    """

    source: str
    status: str
    target: str
    parameters: dict[str, str] = field(default_factory=dict)
    body: dict[str, str] = field(default_factory=dict)


def _of_agreement(target: str, **body: str) -> _Link:
    return _Link(source="agreements_create", status="201", target=target, body=body)


def _of_row(noun: str, key: str, *actions: str, status: str = "201") -> list[_Link]:
    """Return the links from the creation of a row to what can be done with it."""
    return [
        _Link(
            source=f"{noun}_create", status=status, target=f"{noun}_{action}", parameters={key: key}
        )
        for action in actions
    ]


_PARTY = "parties/0/code"
_FIRST = "results/0/id"

_LINKS = (
    *_of_row("parties", "code", "retrieve", "partial_update", "retire"),
    *_of_row("agreements", "ref", "retrieve", "partial_update", "archive"),
    _of_agreement("obligations_create", agreement="ref"),
    _of_agreement("facts_create", agreement="ref"),
    _of_agreement("evidence_create", agreement="ref"),
    _of_agreement("silences_create", agreement="ref"),
    _of_agreement("subscriptions_create", agreement="ref"),
    _of_agreement("calendar_feeds_create", agreement="ref"),
    *_of_row("obligations", "id", "retrieve", "partial_update", "consequences"),
    *_of_row("facts", "id", "retrieve"),
    *_of_row("positions", "id", "retrieve"),
    *_of_row("determinations", "id", "retrieve"),
    *_of_row("evidence", "id", "retrieve", "files", "files_create"),
    *_of_row("silences", "id", "retrieve", "end"),
    *_of_row("subscriptions", "id", "retrieve", "partial_update"),
    *_of_row("webhooks", "id", "retrieve", "partial_update", "rotate"),
    *_of_row("calendar_feeds", "id", "retrieve", "revoke"),
    *_of_row("tokens", "id", "retrieve", "rotate", "destroy"),
    *_of_row("users", "id", "retrieve", "partial_update", "invite", "close"),
    *_of_row("teams", "slug", "retrieve", "partial_update"),
    *(
        _Link(source="deadlines_list", status="200", target=target, parameters={"id": _FIRST})
        for target in (
            "deadlines_retrieve", "deadlines_timeline", "deadlines_history", "deadlines_why",
            "deadlines_what_if",
        )
    ),
    *(
        _Link(source="deadlines_list", status="200", target=target, body={"deadline": _FIRST})
        for target in ("facts_create", "positions_create", "determinations_create")
    ),
    *(
        _Link(source="breaches_list", status="200", target=target, parameters={"id": _FIRST})
        for target in ("breaches_retrieve", "breaches_acknowledge")
    ),
    *(
        _Link(source="proposals_list", status="200", target=target, parameters={"id": _FIRST})
        for target in ("proposals_retrieve", "proposals_approve", "proposals_reject")
    ),
)  # fmt: skip


def describe_links(result: dict[str, Any], **_others: object) -> dict[str, Any]:
    """Add the links to the responses that they start from."""
    operations = {
        operation["operationId"]: operation
        for methods in result["paths"].values()
        for operation in methods.values()
        if isinstance(operation, dict) and "operationId" in operation
    }
    for link in _LINKS:
        source, target = operations.get(link.source), operations.get(link.target)
        if source is None or target is None:  # a document of only some operations
            continue
        content: dict[str, Any] = {"operationId": link.target}
        if link.parameters:
            content["parameters"] = _expressions(link.parameters)
        if link.body:
            content["requestBody"] = _expressions(link.body)
        source["responses"][link.status].setdefault("links", {})[link.target] = content
    return result


def _expressions(fields: dict[str, str]) -> dict[str, str]:
    return {name: f"$response.body#/{pointer}" for name, pointer in fields.items()}
