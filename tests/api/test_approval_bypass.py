"""One person cannot weaken an obligation of an agreement that requires approval."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from compliance.models import (
    Agreement,
    CustomCalendar,
    Deadline,
    Fact,
    Obligation,
    Party,
    Proposal,
    User,
)
from compliance.operations.agreements import proposals
from compliance.operations.deadlines import agreement_states
from tests.api.answers import BASE, JSON
from tests.api.conftest import client_of
from tests.samples import create_agreement, document, obligation, record, utc

PAST = utc("2026-01-15T00:00")
RULE = {"type": "date", "on": "2026-03-15"}
EVERY_QUARTER = "FREQ=MONTHLY;INTERVAL=3"
QUARTERLY = {"type": "recurrence", "rrule": EVERY_QUARTER, "start": "2026-03-31"}
COUNTED = {"type": "offset", "from": {"milestone": "go"}, "count": 30, "unit": "days"}
OPEN = {"milestone": "open"}
GO = {"ref": "go", "on": "2026-02-01"}
# It has no date either, until `open` has one.
FORCE = {"ref": "force", "due": {**COUNTED, "from": OPEN}}
BY_PARTY: dict[str, Any] = {"ref": "ratified", "dates": [{"party": "CHN", "on": "2026-02-01"}]}
MILESTONES: list[dict[str, Any]] = [GO, {"ref": "open"}, FORCE, BY_PARTY]
HELD = {"type": "date", "on": "2027-12-31"}


@pytest.fixture
def supply(db: None) -> Agreement:
    """An agreement that requires approval, with an obligation of each sort."""
    CustomCalendar.objects.create(code="hq", title="HQ", weekend=[5, 6])
    Party.objects.create(code="SPARE", name="Spare", kind="company", timezone="America/Lima")
    closing = {"count": 2, "unit": "business_days"}
    deadline = create_agreement(
        obligation(
            "O-1",
            due=RULE,
            severity="high",
            tags=["x"],
            target_quantity="10",
            unit="t",
        ),
        obligation("O-2", due=QUARTERLY),
        obligation("O-3", due=COUNTED),
        obligation("O-4", kind="maintain", due=HELD),
        obligation("O-5", due=RULE, grace=closing, responsible=["kim@example.org"]),
        obligation("O-6", due={**COUNTED, "from": {"milestone": "open"}}),
        as_of=PAST,
        requires_approval=True,
        calendars=["custom:hq"],
        ends_on="2029-12-31",
        milestones=MILESTONES,
    )
    held = Deadline.objects.get(obligation__ref="O-4")
    record(held, type="violation", on="2026-02-10", as_of=utc("2026-02-11T00:00"))
    return deadline.agreement


def pk(ref: str) -> int:
    return Deadline.objects.filter(obligation__ref=ref).earliest("number").pk


def fact(ref: str, kind: str, **more: Any) -> Callable[[], tuple[str, str, Any]]:
    """Return a request that records a fact."""
    return lambda: (
        "POST",
        "facts/",
        {"deadline": pk(ref), "type": kind, "on": "2026-03-01", "confirm": True, **more},
    )


def patch(ref: str, **fields: Any) -> Callable[[], tuple[str, str, Any]]:
    """Return a request that corrects an obligation."""
    return lambda: (
        "PATCH",
        f"obligations/{Obligation.objects.get(ref=ref).pk}/",
        {"confirm": True, **fields},
    )


def correct(**fields: Any) -> Callable[[], tuple[str, str, Any]]:
    """Return a request that corrects the agreement."""
    return lambda: ("PATCH", "agreements/supply/", {"confirm": True, **fields})


def dated(milestone: Mapping[str, Any]) -> Callable[[], tuple[str, str, Any]]:
    """Return a request that corrects one milestone, and keeps the others."""
    return correct(
        milestones=[milestone if milestone["ref"] == each["ref"] else each for each in MILESTONES]
    )


def post(address: str, **fields: Any) -> Callable[[], tuple[str, str, Any]]:
    return lambda: ("POST", address, fields)


def violation() -> int:
    return Fact.objects.get(kind="violation").pk


def imported(query: str = "", *rows: Mapping[str, Any], **more: Any) -> Callable[[], Any]:
    """Return a request that imports a document."""
    return lambda: ("POST", f"agreements/import/{query}", document("supply", *rows, **more))


def new(**more: Any) -> Any:
    """Return a request that imports an agreement that is not stored yet."""
    rows = [obligation("N-1", **more)]
    return lambda: (
        "POST",
        "agreements/import/",
        document("other", *rows, requires_approval=True),
    )


LATER = {"type": "date", "on": "2026-09-30"}
WAIVER = {"type": "waiver", "on": "2026-03-01", "note": "Given up."}
WEAKENING: dict[str, Callable[[], tuple[str, str, Any]]] = {
    "waiver": fact("O-1", "waiver"),
    "extension": fact("O-1", "extension", due=LATER),
    "postponement": fact("O-1", "extension"),
    "replacement": fact("O-1", "replacement", successor="O-2"),
    "cancellation": fact("O-1", "cancellation"),
    "suspension": fact("O-1", "suspension"),
    "tolling": fact("O-1", "suspension", until="2026-05-01", is_tolling=True),
    "lower target": fact("O-1", "restatement", quantity="5"),
    "determined as met": fact("O-1", "determination", verdict="met", note="So."),
    "determined as partly met": fact("O-1", "determination", verdict="partly_met", note="So."),
    "retracted violation": lambda: (
        "POST", "facts/", {"deadline": pk("O-4"), "type": "retraction", "supersedes": violation()},
    ),
    "violation that ended": lambda: (
        "POST",
        "facts/",
        {
            "deadline": pk("O-4"), "type": "violation", "on": "2026-02-10", "until": "2026-02-12",
            "supersedes": violation(),
        },
    ),
    "termination": post("facts/", agreement="supply", type="termination", on="2026-03-01"),
    "agreement suspended": post("facts/", agreement="supply", type="suspension", on="2026-03-01"),
    "later due date": patch("O-1", due=LATER),
    "rarer recurrence": patch("O-2", due={**QUARTERLY, "rrule": "FREQ=MONTHLY;INTERVAL=6"}),
    "recurrence that ends": patch("O-2", due={**QUARTERLY, "rrule": f"{EVERY_QUARTER};COUNT=40"}),
    "longer offset": patch("O-3", due={**COUNTED, "count": 60}),
    "later undated offset": patch("O-6", due={**COUNTED, "from": OPEN, "count": 60}),
    "shorter period": patch("O-4", due={"type": "date", "on": "2026-12-31"}),
    "later start": patch("O-4", starts={"type": "date", "on": "2026-06-01"}),
    "target removed": patch("O-1", target_quantity=None, unit=""),
    "target lowered": patch("O-1", target_quantity=9),
    "unit": patch("O-1", unit="kg"),
    "more grace": patch("O-5", grace={"count": 30, "unit": "days"}),
    "severity": patch("O-1", severity="low"),
    "tag removed": patch("O-1", tags=[]),
    "reminders": patch("O-1", notification_policy={"reminders": [], "escalations": []}),
    "obligor": patch("O-1", obligors=["ACME"], obligees=["CHN"]),
    "responsible": patch("O-5", responsible=["lee@example.org"]),
    "component": patch("O-1", parent="O-2"),
    "new component": lambda: (
        "POST", "obligations/", {"agreement": "supply", **obligation("O-9"), "parent": "O-1"},
    ),
    "kind": patch("O-2", kind="refrain"),
    "agreement reminders": correct(notification_policy={"reminders": [], "escalations": []}),
    "agreement ends earlier": correct(ends_on="2026-02-20"),
    "agreement calendars": correct(calendars=["US"]),
    "agreement time zone": correct(timezone="America/Lima"),
    "agreement dates": correct(signed_on="2026-02-01"),
    "milestone moved": dated({"ref": "go", "on": "2026-04-01"}),
    "milestone undated": dated({"ref": "go"}),
    "later rule of an undated milestone": dated(
        {"ref": "force", "due": {**COUNTED, "from": OPEN, "count": 900}}
    ),
    "rule of an undated milestone removed": dated({"ref": "force"}),
    "undated milestone removed": correct(milestones=[GO, {"ref": "open"}, BY_PARTY]),
    "milestone moved for a party": dated(
        {"ref": "ratified", "dates": [{"party": "CHN", "on": "2026-04-01"}]}
    ),
    "milestone undated for a party": dated({"ref": "ratified", "dates": []}),
    "approval turned off": correct(requires_approval=False),
    "archived": post("agreements/supply/archive/", reason="Done."),
    "purged": post("agreements/supply/purge/", reason="Done."),
    "time zone of the obligor": lambda: ("PATCH", "parties/CHN/", {"timezone": "America/Lima"}),
    "parties merged": post("parties/CHN/merge/", into="SPARE", reason="Same."),
    "imported waiver": imported("", obligation("O-1", facts=[WAIVER])),
    "imported new waiver": imported("", obligation("N-1", facts=[WAIVER])),
    "imported termination": imported("", facts=[{"type": "termination", "on": "2026-03-01"}]),
    "imported correction": imported("?mode=update", obligation("O-1", due=LATER)),
    "imported zone": imported(
        "?mode=update",
        parties=[
            {"code": "ACME", "name": "Acme", "kind": "company"},
            {"code": "CHN", "name": "China", "kind": "state", "timezone": "America/Lima"},
        ],
    ),
    "imported without approval": imported("?mode=update", requires_approval=False),
    "new agreement with a waiver": new(facts=[WAIVER]),
    "new agreement with a cancellation": new(facts=[{"type": "cancellation", "on": "2026-03-01"}]),
}  # fmt: skip


def sent(client: Client, request: Callable[[], tuple[str, str, Any]]) -> Any:
    method, address, values = request()
    send = {"POST": client.post, "PATCH": client.patch}[method]
    return send(f"{BASE}{address}", values, content_type=JSON)


def everything() -> list[Any]:
    """Return what can be weakened, with everything stored about it."""
    names = (
        "agreement", "agreementparty", "obligation", "obligationparty", "milestone", "deadline",
        "fact", "party", "milestonedating", "correction",
    )  # fmt: skip

    return [
        list(apps.get_model("compliance", name).objects.order_by("pk").values()) for name in names
    ]


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo what the block stores, so that all cases share one agreement."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


FEW = ("waiver", "termination", "later due date", "approval turned off", "imported waiver")


@pytest.mark.parametrize(
    "names", [FEW, pytest.param(tuple(WEAKENING), marks=pytest.mark.exhaustive)], ids=["few", "all"]
)
def test_what_weakens_an_obligation_becomes_a_proposal_until_another_person_approves(
    supply: Agreement, api: Client, names: tuple[str, ...]
) -> None:
    second = client_of(User.objects.create_superuser("second@example.org", "secret"))
    before = everything()
    for name in names:
        request = WEAKENING[name]
        with rolled_back():
            response = sent(api, request)
            assert response.status_code == 202, (name, response.content)
            assert everything() == before, name
            address = f"{BASE}proposals/{response.json()['id']}/approve/"
            assert api.post(address, {}, content_type=JSON).status_code == 403, name
            assert everything() == before, name
            approved = second.post(address, {}, content_type=JSON)
            assert approved.status_code == 200, (name, approved.content)
            assert approved.json()["state"] == "approved", name
            assert everything() != before, name


HARMLESS: dict[str, Callable[[], tuple[str, str, Any]]] = {
    "performance": fact("O-1", "performance", quantity="4"),
    "violation": fact("O-4", "violation"),
    "higher target": fact("O-1", "restatement", quantity="15"),
    "earlier due date": patch("O-1", due={"type": "date", "on": "2026-03-10"}),
    "longer period": patch("O-4", due={"type": "date", "on": "2028-12-31"}),
    "title": patch("O-1", title="Deliver it", text="All of it", clause="4(1)"),
    "severity": patch("O-1", severity="critical"),
    "more tags": patch("O-1", tags=["x", "y"]),
    "grace removed": patch("O-5", grace=None),
    "higher corrected target": patch("O-1", target_quantity=12),
    "agreement title": correct(title="Supply"),
    "milestone dated": dated({"ref": "open", "on": "2026-02-01"}),
    "milestone dated for another party": dated(
        {"ref": "ratified", "dates": [*BY_PARTY["dates"], {"party": "ACME", "on": "2026-02-01"}]}
    ),
    "milestone title": dated({**FORCE, "title": "Entry into force"}),
    "new obligation": lambda: (
        "POST", "obligations/", {"agreement": "supply", **obligation("O-9")},
    ),
    "same zone": lambda: ("PATCH", "parties/CHN/", {"name": "People's Republic of China"}),
    "imported performance": imported(
        "", obligation("O-1", facts=[{"type": "performance", "on": "2026-03-01"}])
    ),
    "new agreement without decisions": new(),
}  # fmt: skip


@pytest.mark.exhaustive
def test_what_weakens_nothing_takes_effect_at_once(supply: Agreement, api: Client) -> None:
    for name, request in HARMLESS.items():
        with rolled_back():
            response = sent(api, request)
            assert response.status_code in {200, 201}, (name, response.content)
            assert not Proposal.objects.exists(), name


def test_turning_approval_off_and_on_again_lets_nothing_through(
    supply: Agreement, api: Client
) -> None:
    for request in (correct(requires_approval=False), fact("O-1", "waiver")):
        assert sent(api, request).status_code == 202
    assert sent(api, correct(requires_approval=True)).status_code == 200
    assert not Fact.objects.filter(kind="waiver").exists()


def test_a_correction_is_approved_without_reverting_later_ones(
    supply: Agreement, api: Client
) -> None:
    proposal = sent(api, patch("O-1", due=LATER)).json()
    assert sent(api, patch("O-1", title="Deliver it")).status_code == 200
    second = User.objects.create_superuser("second@example.org", "secret")
    proposals.approve(
        proposal=Proposal.objects.get(pk=proposal["id"]), by=second, as_of=timezone.now()
    )
    row = Obligation.objects.get(ref="O-1")
    assert (row.title, row.due and row.due["on"]) == ("Deliver it", "2026-09-30")


def test_a_proposal_that_would_now_weaken_more_must_be_confirmed(
    supply: Agreement, api: Client
) -> None:
    proposal = sent(api, patch("O-1", due=LATER)).json()
    assert sent(api, patch("O-1", due={"type": "date", "on": "2026-03-01"})).status_code == 200
    second = client_of(User.objects.create_superuser("second@example.org", "secret"))
    address = f"{BASE}proposals/{proposal['id']}/approve/"
    refused = second.post(address, {}, content_type=JSON)
    assert refused.status_code == 400
    assert [each["path"] for each in refused.json()["errors"]] == ["confirm"]
    approved = second.post(address, {"confirm": True}, content_type=JSON)
    assert approved.status_code == 200


def test_a_dry_run_says_that_approval_is_needed(supply: Agreement, api: Client) -> None:
    response = sent(api, imported("?dry_run=true", obligation("O-1", facts=[WAIVER])))
    assert response.status_code == 200
    assert "A second person must approve this." in str(response.json()["warnings"])
    assert not Proposal.objects.exists()


def test_the_command_imports_nothing_that_needs_approval(
    supply: Agreement, tmp_path: Any, capsys: Any
) -> None:
    file = tmp_path / "supply.json"
    file.write_text(json.dumps(document("supply", obligation("O-1", facts=[WAIVER]))))
    with pytest.raises(CommandError):
        call_command("load_agreement", str(file))
    assert "A second person must approve this." in capsys.readouterr().err
    assert not Fact.objects.filter(kind="waiver").exists()


def test_an_unknown_field_weakens_until_somebody_says_that_it_does_not(supply: Agreement) -> None:
    fields = set(agreement_states.values_of(Obligation.objects.earliest("pk")))
    assert {"due", "grace", "severity", "notification_policy", "target_quantity"} <= fields
