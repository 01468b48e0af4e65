"""The list and pages of obligations."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from compliance.models import (
    Agreement,
    Deadline,
    Obligation,
)
from compliance.operations.deadlines import sweep
from tests.admin.pages import address
from tests.samples import (
    create_agreement,
    obligation,
    record,
    record_agreement_fact,
    state_position,
    utc,
)

NOW = utc("2026-04-01T00:00")


def test_an_obligation_links_to_its_form_and_its_deadlines(
    browser: Client, rare_earths: Deadline
) -> None:
    correct = browser.get(address("obligation", "change_in_agreement", rare_earths.obligation_id))
    assert correct["Location"].startswith(address("agreement", "change", rare_earths.agreement_id))
    listing = browser.get(
        address("obligation", "deadlines", rare_earths.obligation_id), follow=True
    )
    assert [row.pk for row in listing.context["cl"].result_list] == [rare_earths.pk]


def page(client: Client, ref: str) -> str:
    obligation = Obligation.objects.get(ref=ref)
    address = reverse("admin:compliance_obligation_change", args=(obligation.pk,))
    return client.get(address).content.decode()


def test_a_parent_shows_how_many_components_are_met(
    admin_client: Client, geneva: Agreement
) -> None:
    shown = page(admin_client, "CN-2")
    assert "3 of 4 done" in shown
    assert "CN-2d Release rare-earth exports" in shown
    assert "of 4 done" not in page(admin_client, "CN-2d")


def test_consequences_are_shown_on_both_obligations(admin_client: Client) -> None:
    remedy = {
        "type": "trigger",
        "on": {"breach_of": "RELEASE"},
        "then": {"type": "offset", "count": 10, "unit": "days"},
    }
    create_agreement(
        obligation("RELEASE", "2026-03-15"),
        obligation("TARIFFS", due=remedy),
        as_of=utc("2026-03-01T00:00"),
    )
    sweep.run(as_of=utc("2026-03-20T00:00"))
    assert "If it is breached, this triggers TARIFFS." in page(admin_client, "RELEASE")
    assert "Remedy for RELEASE." in page(admin_client, "TARIFFS")


def test_a_due_rule_and_its_grace_are_shown_with_the_labels_of_the_form(
    admin_client: Client, db: None
) -> None:
    rule = {"type": "offset", "from": {"milestone": "M"}, "count": 30, "unit": "business_days"}
    milestones = [{"ref": "M", "title": "Entry into force"}]
    grace = {"count": 1, "unit": "weeks"}
    create_agreement(obligation(due=rule, grace=grace), milestones=milestones)
    shown = page(admin_client, "O-1")
    assert "<div>Number: 30</div><div>Unit: business days</div>" in shown
    assert "<div>Start milestone: M</div>" in shown
    assert "1 week" in shown
    assert "business_days" not in shown


def test_the_start_of_a_period_is_shown_with_the_labels_of_the_form(admin_client: Client) -> None:
    create_agreement(
        obligation(kind="maintain", starts={"type": "date", "on": "2026-02-03"}), obligation("O-2")
    )
    assert "<div>Starts: on a date</div><div>Date: 2026-02-03</div>" in page(admin_client, "O-1")
    assert ">null<" not in page(admin_client, "O-2")


def test_searching_for_a_tag_ignores_case_and_accents(browser: Client) -> None:
    create_agreement(obligation("O-1", tags=["Überwachung", "b"]), obligation("O-2", tags=["x"]))
    for model in ("obligation", "deadline"):
        for text, count in (("uberwach", 1), ("ÜBER", 1), ("ungb", 0), ("", 2)):
            response = browser.get(address(model, "changelist"), {"q": text})
            assert len(response.context["cl"].result_list) == count, (model, text)


def test_lists_of_records_mark_archived_agreements(browser: Client) -> None:
    log = {"ref": "E-1", "title": "Log", "kind": "document", "stance": "for"}
    deadline = create_agreement(obligation(), evidence=[{**log, "obligations": ["O-1"]}])
    state_position(deadline, as_of=NOW, party="CHN", verdict="met", on="2026-03-20")
    record(deadline, as_of=NOW, type="performance", on="2026-03-10")
    record_agreement_fact(as_of=NOW, type="termination", on="2026-03-20")
    mark = "pacta-badge is-archived"
    counts = {"fact": 2, "evidence": 1, "position": 1}
    for model in counts:
        assert mark not in browser.get(address(model, "changelist")).content.decode()
    Agreement.objects.update(archived_at=NOW)
    for model, count in counts.items():
        assert browser.get(address(model, "changelist")).content.decode().count(mark) == count
