"""Examples in the OpenAPI document: a body for each operation that takes one, and a problem."""

from __future__ import annotations

from typing import Any

from compliance.api.problems import MEDIA_TYPE

_WHY = {"reason": "Agreed at the meeting of 3 June."}
_LAST_DAY = {"type": "date", "on": "2026-03-31"}
_PARTIES = [
    {"code": "ACME", "name": "Acme", "kind": "company", "timezone": "Europe/Berlin"},
    {"code": "NORD", "name": "Nord", "kind": "company", "timezone": "Europe/Oslo"},
]

BODIES: dict[str, dict[str, Any]] = {
    "agreements_create": {
        "ref": "supply-2026",
        "title": "Supply of magnets",
        "kind": "contract",
        "signed_on": "2026-01-10",
        "parties": [{"code": "ACME"}, {"code": "NORD"}],
    },
    "agreements_partial_update": {"ends_on": "2028-12-31"},
    "agreements_archive": _WHY,
    "agreements_purge": _WHY,
    "agreements_restore": _WHY,
    "agreements_import": {
        "format": "pacta.agreement/v1",
        "ref": "supply-2026",
        "title": "Supply of magnets",
        "kind": "contract",
        "signed_on": "2026-01-10",
        "parties": _PARTIES,
        "obligations": [
            {
                "ref": "lot-1",
                "title": "Deliver lot 1",
                "obligors": ["NORD"],
                "obligees": ["ACME"],
                "due": _LAST_DAY,
            }
        ],
    },
    "breaches_acknowledge": {"until_at": "2026-06-30T16:00:00Z"},
    "calendar_feeds_create": {"name": "Deadlines of the desk"},
    "deadlines_what_if": {"facts": [{"type": "performance", "on": "2026-03-30"}]},
    "determinations_create": {
        "deadline": 9,
        "verdict": "not_met",
        "on": "2026-04-01",
        "note": "Nothing had arrived by the last day.",
    },
    "due_rules_preview": {"rule": _LAST_DAY, "timezone": "Europe/Berlin"},
    "evidence_create": {
        "agreement": "supply-2026",
        "ref": "delivery-note-1",
        "title": "Delivery note of lot 1",
        "kind": "document",
        "stance": "for",
        "published_on": "2026-03-30",
    },
    "facts_create": {"deadline": 9, "type": "performance", "on": "2026-03-30"},
    "imports_purge": _WHY,
    "obligations_create": {
        "agreement": "supply-2026",
        "ref": "lot-2",
        "title": "Deliver lot 2",
        "obligors": ["NORD"],
        "obligees": ["ACME"],
        "due": {"type": "date", "on": "2026-06-30"},
        "severity": "high",
        "tags": ["magnets"],
    },
    "obligations_partial_update": {"due": {"type": "date", "on": "2026-07-31"}},
    "parties_create": {
        "code": "NORD",
        "name": "Nord",
        "kind": "company",
        "country": "NO",
        "timezone": "Europe/Oslo",
    },
    "parties_partial_update": {"name": "Nord Magnets"},
    "parties_merge": {"into": "NORD", "reason": "The same company."},
    "parties_restore": _WHY,
    "parties_retire": _WHY,
    "positions_create": {
        "deadline": 9,
        "party": "ACME",
        "verdict": "not_met",
        "on": "2026-04-02",
        "quote": "We have received nothing.",
    },
    "proposals_approve": {"reason": "Checked against the signed text."},
    "proposals_reject": {"reason": "The text says otherwise."},
    "silences_create": {
        "agreement": "supply-2026",
        "until_at": "2026-06-30T16:00:00Z",
        "reason": "The parties are negotiating.",
    },
    "subscriptions_create": {"email": "desk@example.org", "frequency": "daily"},
    "subscriptions_partial_update": {"frequency": "weekly"},
    "teams_create": {"slug": "asia", "name": "Asia"},
    "teams_partial_update": {"members": ["lee@example.org"]},
    "tokens_create": {"name": "dashboard", "is_read_only": True},
    "tokens_rotate": {"overlap_minutes": 60},
    "users_create": {"email": "lee@example.org", "name": "Lee", "roles": ["analyst"]},
    "users_partial_update": {"roles": ["reviewer"]},
    "users_close": {"reason": "Leaves the organisation.", "successor": "ana@example.org"},
    "webhooks_create": {"name": "Tickets", "url": "https://tickets.example.org/pacta"},
    "webhooks_partial_update": {"is_active": False},
}
_PROBLEM = {
    "type": "about:blank",
    "title": "Bad Request",
    "status": 400,
    "detail": "There is no 30 February.",
    "errors": [{"path": "due/on", "detail": "There is no 30 February."}],
}


def add_examples(result: dict[str, Any], **_others: object) -> dict[str, Any]:
    """Add an example to every body in JSON, and to the response to a bad request."""
    for methods in result["paths"].values():
        for operation in methods.values():
            body = operation.get("requestBody") if isinstance(operation, dict) else None
            example = BODIES.get(operation["operationId"]) if body else None
            for content in body["content"].values() if body and example else ():
                content["examples"] = {"example": {"value": example}}
    bad_request = result["components"]["responses"]["BAD_REQUEST"]
    bad_request["content"][MEDIA_TYPE]["examples"] = {"example": {"value": _PROBLEM}}
    return result
