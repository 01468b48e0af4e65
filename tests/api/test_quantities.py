"""Quantities over the API: exact, and unchanged when a client sends back what it read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from compliance.models import Agreement, Alert, Deadline, LedgerEntry, Obligation, Proposal, User
from tests.api.answers import BASE, JSON, get, patch, post
from tests.samples import create_agreement, obligation

pytestmark = pytest.mark.django_db

EXACT = "98765432109876.5"
TOO_LONG = "98765432109876.543211"
REFUSAL = f"Give at most 15 significant digits; {TOO_LONG} has 20. Many programs cannot read more."


def send(client: Client, path: str, text: str) -> tuple[int, bytes]:
    """POST a body that is not JSON of Python, and return the status and the raw response."""
    response = client.post(BASE + path, text, content_type=JSON)
    return response.status_code, response.content


def obligation_text(quantity: str, ref: str = "Q") -> str:
    return (
        f'{{"agreement":"supply","ref":"{ref}","title":"T","obligors":["CHN"],"obligees":["ACME"],'
        f'"due":{{"type":"date","on":"2026-03-15"}},"target_quantity":{quantity}}}'
    )


def performance_text(deadline: Deadline, quantity: str) -> str:
    return (
        f'{{"deadline":{deadline.pk},"type":"performance","on":"2026-02-01","quantity":{quantity}}}'
    )


def test_a_quantity_of_15_digits_is_stored_and_returned_exactly(api: Client) -> None:
    create_agreement()
    status, content = send(api, "obligations/", obligation_text(EXACT))
    assert status == 201
    assert f'"target_quantity":{EXACT},'.encode() in content
    [deadline] = Deadline.objects.filter(obligation__ref="Q")
    fact = (
        f'{{"deadline":{deadline.pk},"type":"performance","on":"2026-02-01","quantity":0.000001}}'
    )
    status, content = send(api, "facts/", fact)
    assert (status, b'"quantity":0.000001,' in content) == (201, True), content
    page = api.get(f"{BASE}deadlines/{deadline.pk}/").content
    assert b'"performed_quantity":0.000001,' in page
    assert f'"target_quantity":{EXACT},'.encode() in page


def test_more_than_15_significant_digits_are_rejected_everywhere(api: Client) -> None:
    deadline = create_agreement(obligation(target_quantity=100))
    status, content = send(api, "obligations/", obligation_text(TOO_LONG))
    assert (status, json.loads(content)["errors"]) == (
        400, [{"path": "target_quantity", "detail": REFUSAL}],
    )  # fmt: skip
    fact = (
        f'{{"deadline":{deadline.pk},"type":"performance","on":"2026-02-01","quantity":{TOO_LONG}}}'
    )
    status, content = send(api, "facts/", fact)
    assert (status, json.loads(content)["detail"]) == (400, REFUSAL)
    hypothesis = f'{{"facts":[{{"type":"performance","on":"2026-02-01","quantity":{TOO_LONG}}}]}}'
    status, content = send(api, f"deadlines/{deadline.pk}/what-if/", hypothesis)
    assert (status, json.loads(content)["detail"]) == (400, REFUSAL)
    for media_type, form in (
        ("application/yaml", "obligations: [{{ref: Q, title: T, target_quantity: {}}}]"),
        ("application/json", '{{"obligations":[{{"ref":"Q","title":"T","target_quantity":{}}}]}}'),
    ):
        response = api.post(
            f"{BASE}agreements/import/", form.format(TOO_LONG), content_type=media_type
        )
        errors = {each["path"]: each["detail"] for each in response.json()["errors"]}
        assert errors["obligations/0/target_quantity"] == f"Q, target_quantity: {REFUSAL}"


def test_patching_a_response_back_changes_nothing(api: Client) -> None:
    deadline = create_agreement(obligation(target_quantity="98765432109876.5", unit="t"))
    post(api, "subscriptions/", {"email": "desk@example.org"})
    for number in range(1, 12):
        quantity = f"{number * 7_654_321}.{number:06}"
        update = {"deadline": deadline.pk, "type": "performance", "on": "2026-02-01"}
        post(api, "facts/", update | {"quantity": quantity})
    with_id = {
        "subscriptions/": "id",
        "obligations/": "id",
        "agreements/": "ref",
        "parties/": "code",
    }
    before = everything()
    for path, name in with_id.items():
        for row in get(api, path)["results"]:
            single = get(api, f"{path}{row[name]}/")
            patched = patch(api, f"{path}{row[name]}/", single)
            assert patched.pop("warnings", []) == []
            assert patched == single
    for now, then in zip(everything(), before, strict=True):
        assert now == then


def everything() -> list[Any]:
    """Return what a change would change."""
    histories: list[Any] = [each for each in apps.get_models() if each.__name__.endswith("Event")]
    changed: tuple[Any, ...] = (Agreement, Obligation, Deadline, LedgerEntry, Alert, *histories)
    return [(model.__name__, list(model.objects.order_by("pk").values())) for model in changed]


def test_a_field_that_cannot_be_changed_is_not_ignored(api: Client) -> None:
    create_agreement()
    pk = Obligation.objects.get().pk
    problem = patch(api, f"obligations/{pk}/", {"id": pk, "agreement": "other"}, 400)
    assert problem["errors"] == [
        {"path": "agreement", "detail": "This field cannot be changed here: leave it out."}
    ]


def test_a_proposal_returns_exact_numbers(desk: User, api: Client) -> None:
    deadline = create_agreement(
        obligation(target_quantity="98765432109876.5"), requires_approval=True
    )
    sent = {"deadline": deadline.pk, "verdict": "partly_met", "on": "2026-03-18", "note": "Half."}
    post(api, "determinations/", sent | {"quantity": "12345678901234.5"}, 202)
    pk = Proposal.objects.get().pk
    assert b'"quantity":12345678901234.5,' in api.get(f"{BASE}proposals/{pk}/").content


def test_performances_never_add_up_to_a_number_that_programs_cannot_read(api: Client) -> None:
    deadline = create_agreement(obligation(target_quantity=100))
    fact = {"deadline": deadline.pk, "type": "performance", "on": "2026-02-01"}
    post(api, "facts/", fact | {"quantity": 90_000_000_000_000})
    for quantity, reason in (
        (0.0001, "has 18. Many programs cannot read more."),
        (90_000_000_000_000, "or use a larger unit."),
    ):
        problem = post(api, "facts/", fact | {"quantity": quantity}, 400)
        assert problem["detail"].startswith("The performances of O-1 would add up to")
        assert problem["detail"].endswith(reason)
    stored = get(api, f"deadlines/{deadline.pk}/")
    assert stored["performed_quantity"] == 90_000_000_000_000
