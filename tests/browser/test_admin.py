"""The main tasks in the admin, in a browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from compliance.domain.agreements.drafts import PartyDraft
from compliance.domain.drafts import read
from compliance.models import Agreement, Deadline, User
from compliance.operations.agreements import parties
from tests.samples import BUYER, SUPPLIER, create_agreement, obligation, subscribe

pytestmark = pytest.mark.browser


def test_an_agreement_is_added_and_its_obligation_is_met(page: Page) -> None:
    for each in (BUYER, SUPPLIER):
        parties.create(draft=read(PartyDraft, each))
    due_on = (timezone.now() + timedelta(days=9)).date()

    page.get_by_role("link", name="Agreements").click()
    page.locator("a[href$='/agreement/add/']").first.click()
    page.locator("#id_ref").fill("supply-2026")
    page.locator("#id_title").fill("Supply agreement")
    page.locator("#id_kind").select_option("contract")
    sides = page.locator("#id_obligations-0-obligors")
    expect(sides).to_contain_text("Choose the parties above first")
    page.locator("#id_memberships-0-party").select_option("ACME")
    page.locator("#id_memberships-1-party").select_option("CHN")
    page.locator("#id_obligations-0-ref").fill("O-1")
    page.locator("#id_obligations-0-title").fill("Deliver the first lot")
    sides.get_by_label("CHN").check()
    page.locator("#id_obligations-0-obligees").get_by_label("ACME").check()
    page.locator("#id_obligations-0-due_on").fill(str(due_on))
    page.get_by_text("Add another Obligation").click()
    page.locator("#id_obligations-1-ref").fill("O-2")
    page.locator("#id_obligations-1-title").fill("Pay for it")
    page.locator("#id_obligations-1-obligors").get_by_label("ACME").check()
    page.get_by_role("button", name="Save", exact=True).click()

    # The second obligation has no obligee. The error is shown there and the input is kept.
    second = page.locator(".form-group", has=page.locator("#id_obligations-1-ref"))
    expect(second).to_contain_text("Give at least one")
    assert not Agreement.objects.exists()
    expect(page.locator("#id_obligations-1-obligors").get_by_label("ACME")).to_be_checked()
    page.locator("#id_obligations-1-obligees").get_by_label("CHN").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()

    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_text("due in the next 30 days").first).to_be_visible()
    page.get_by_role("link", name="Deliver the first lot").click()
    expect(page.locator(".pacta-head")).to_contain_text("pending")
    page.get_by_role("link", name="Record performance").click()
    page.get_by_label("Note").fill("Seen in the customs record")
    page.get_by_role("button", name="Record").click()

    expect(page.get_by_text("Performance recorded. The deadline is now met.")).to_be_visible()
    expect(page.locator(".pacta-head")).to_contain_text("met")
    expect(page.get_by_text("Seen in the customs record")).to_be_visible()
    assert Deadline.objects.get().status == "met"


def test_a_party_added_on_the_page_can_be_an_obligor_immediately(page: Page) -> None:
    deadline = create_agreement()
    parties.create(
        draft=read(
            PartyDraft, {"code": "USA", "name": "United States", "kind": "state", "timezone": "UTC"}
        )
    )
    page.goto(f"/admin/compliance/agreement/{deadline.agreement_id}/change/")
    page.get_by_text("Add another Party").click()
    page.locator("#id_memberships-2-party").select_option("USA")
    page.get_by_text("O-1 Deliver lot O-1").click()
    page.locator("#id_obligations-0-obligors").get_by_label("USA").check()
    page.locator("#id_obligations-0-obligors").get_by_label("CHN").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()

    deadline.refresh_from_db()
    assert deadline.timezone == "UTC"


def test_a_rule_is_previewed_while_it_is_typed(page: Page) -> None:
    for each in (BUYER, SUPPLIER):
        parties.create(draft=read(PartyDraft, each))
    page.goto("/admin/compliance/agreement/add/")
    page.locator("#id_memberships-0-party").select_option("ACME")
    page.locator("#id_memberships-1-party").select_option("CHN")
    page.get_by_text("Add another Milestone").click()
    page.locator("#id_milestones-0-ref").fill("in-force")
    page.locator("#id_milestones-0-on").fill("2025-05-14")
    page.locator("#id_obligations-0-obligors").get_by_label("CHN").check()
    page.locator("#id_obligations-0-obligees").get_by_label("ACME").check()
    rule = page.locator("#id_obligations-0-due")
    preview = rule.locator(".pacta-preview")
    expect(preview).to_be_hidden()

    page.locator("#id_obligations-0-due_type").select_option("offset")
    expect(page.locator("#id_obligations-0-due_on")).to_be_hidden()
    page.locator("#id_obligations-0-due_from").select_option("milestone")
    expect(page.locator("#id_obligations-0-due_from_date")).to_be_hidden()
    page.locator("#id_obligations-0-due_from_milestone").fill("in-force")
    page.locator("#id_obligations-0-due_count").fill("90")

    expect(preview).to_contain_text("2025-08-12 Tuesday")
    expect(preview).to_contain_text("2025-08-12 16:00 UTC")
    expect(preview).to_contain_text("2025-08-13 00:00 Asia/Shanghai")
    expect(preview).to_contain_text("2025-08-12 18:00 Europe/Berlin")
    expect(preview).to_contain_text("Computed with tzdata")

    page.locator("#id_obligations-0-due_from_milestone").fill("signing")
    wrong = rule.locator("[data-input=from_milestone]")
    expect(wrong).to_contain_text("There is no milestone signing")
    expect(preview).to_be_hidden()
    page.locator("#id_obligations-0-due_from_milestone").fill("in-force")
    expect(preview).to_be_visible()
    expect(wrong).not_to_contain_text("There is no milestone")

    # An obligation to maintain has a start instead of a grace period.
    starts = page.locator("#id_obligations-0-starts")
    expect(starts).to_be_hidden()
    page.locator("#id_obligations-0-kind").select_option("maintain")
    expect(starts).to_be_visible()
    expect(page.locator("#id_obligations-0-grace_count")).to_be_hidden()

    page.locator("#id_ref").fill("supply-2026")
    page.locator("#id_title").fill("Supply agreement")
    page.locator("#id_kind").select_option("contract")
    page.locator("#id_obligations-0-ref").fill("O-1")
    page.locator("#id_obligations-0-title").fill("Keep the stock")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    deadline = Deadline.objects.get()
    assert str(deadline.due_on) == "2025-08-12"
    assert deadline.status == "met"


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_screen(page: Page, desk: User, width: int) -> None:
    title = "Release of exports that have a rather long name to show on so small a screen"
    waits = {"type": "offset", "from": {"milestone": "m"}, "count": 1, "unit": "days"}
    deadline = create_agreement(
        obligation(title=title, text="word " * 200),
        obligation(ref="O-2", title=title, due=waits),
        obligation(ref="O-3", kind="refrain", due=None),
        title=title,
        milestones=[{"ref": "m"}],
    )
    dormant, endless = deadline.agreement.deadlines.order_by("id")[1:]
    subscription = subscribe("somebody.with.a.rather.long.address@department.example.org")
    page.set_viewport_size({"width": width, "height": 844})
    for path in (
        "",
        "compliance/deadline/",
        f"compliance/deadline/{deadline.pk}/change/",
        f"compliance/deadline/{dormant.pk}/change/",
        f"compliance/deadline/{endless.pk}/change/",
        f"compliance/deadline/{deadline.pk}/record-extension/",
        "compliance/agreement/",
        f"compliance/agreement/{deadline.agreement_id}/change/",
        f"compliance/agreement/{deadline.agreement_id}/history/",
        "compliance/customcalendar/add/",
        "compliance/subscription/add/",
        f"compliance/subscription/{subscription.pk}/preview/",
        f"compliance/subscription/{subscription.pk}/send-test/",
        "compliance/webhook/add/",
        "compliance/calendarfeed/add/",
        f"compliance/silence/add/?deadline={deadline.pk}",
        f"compliance/user/{desk.pk}/change/",
    ):
        page.goto(f"/admin/{path}")
        page.wait_for_load_state("networkidle")
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 1, path
