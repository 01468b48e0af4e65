"""The page of an obligation shows how it stands by its components, and what its breach wakes."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from compliance.models import Agreement, Obligation
from compliance.operations.deadlines import sweep
from tests.samples import agree, duty, utc


def page(client: Client, ref: str) -> str:
    obligation = Obligation.objects.get(ref=ref)
    address = reverse("admin:compliance_obligation_change", args=(obligation.pk,))
    return client.get(address).content.decode()


def test_a_parent_shows_how_much_of_it_is_done(admin_client: Client, geneva: Agreement) -> None:
    shown = page(admin_client, "CN-2")
    assert "3 of 4 done" in shown
    assert "CN-2d Release rare-earth exports" in shown
    assert "of 4 done" not in page(admin_client, "CN-2d")


def test_a_chain_of_consequences_is_told_from_both_ends(admin_client: Client) -> None:
    remedy = {
        "type": "trigger",
        "on": {"breach_of": "RELEASE"},
        "then": {"type": "offset", "count": 10, "unit": "days"},
    }
    agree(duty("RELEASE", "2026-03-15"), duty("TARIFFS", due=remedy), as_of=utc("2026-03-01T00:00"))
    sweep.run(as_of=utc("2026-03-20T00:00"))
    assert "If it is breached, TARIFFS wakes." in page(admin_client, "RELEASE")
    assert "Remedy for RELEASE." in page(admin_client, "TARIFFS")
