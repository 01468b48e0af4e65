"""Keyboard only, and axe-core on every kind of page."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from compliance.models import User
from tests.samples import create_agreement, obligation, record, state_position, subscribe, utc

pytestmark = pytest.mark.browser


def tab_to(page: Page, name: str) -> Locator:
    """Press Tab until something with this text or name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and name in (
            focused.get_attribute("aria-label") or focused.inner_text() or ""
        ):
            return focused
    raise AssertionError(f"Tab does not reach {name}.")


def test_every_action_on_a_deadline_is_reached_by_keyboard(page: Page) -> None:
    deadline = create_agreement()
    page.goto(f"/admin/compliance/deadline/{deadline.pk}/change/")

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    inside = "document.querySelector('#content').contains(document.activeElement)"
    assert page.evaluate(inside)

    page.reload()
    more = tab_to(page, "More")
    page.keyboard.press("Enter")
    expect(more).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    first = page.get_by_role("link", name="State a position")
    expect(first).to_be_focused()
    outline = first.evaluate("each => getComputedStyle(each).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Escape")
    expect(first).to_be_hidden()
    expect(more).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "Record waiver")
    page.keyboard.press("Enter")
    page.wait_for_url("**/record-waiver/")


def test_menus_filters_and_folded_rows_open_by_keyboard(page: Page) -> None:
    deadline = create_agreement(obligation())
    tab_to(page, "desk@example.org")
    page.keyboard.press("Enter")
    tab_to(page, "Dark")
    page.keyboard.press("Space")
    expect(page.locator("html")).to_have_class("dark")
    tab_to(page, "Sign out")

    page.goto("/admin/compliance/deadline/")
    tab_to(page, "Filters")
    page.keyboard.press("Enter")
    expect(page.locator("#changelist-filter")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#changelist-filter")).to_be_hidden()

    page.goto(f"/admin/compliance/agreement/{deadline.agreement_id}/change/")
    tab_to(page, "O-1 Deliver lot O-1")
    page.keyboard.press("Space")
    expect(page.locator("#id_obligations-0-title")).to_be_visible()


def test_axe_finds_no_serious_fault_on_any_kind_of_page(page: Page, desk: User) -> None:
    axe, found = Axe(), []
    for number, path in enumerate(_every_kind_of_page(desk)):
        # Half of the pages in each: all of them would take twice as long.
        is_phone = number % 2 == 0
        page.set_viewport_size({"width": 390 if is_phone else 1280, "height": 844})
        page.emulate_media(color_scheme="dark" if is_phone else "light")
        page.goto(path)
        faults = axe.run(page).response
        found += [
            (path, each["id"], [node["target"] for node in each["nodes"][:3]])
            for each in faults["violations"]
            if each["impact"] in ("serious", "critical")
        ]
    assert not found


def _every_kind_of_page(desk: User) -> list[str]:
    """Store something of every kind, and return the address of a page of each kind."""
    waits = {"type": "offset", "from": {"milestone": "m"}, "count": 1, "unit": "days"}
    deadline = create_agreement(
        obligation(target_quantity=500, unit="t"),
        obligation(ref="O-2", due=waits),
        milestones=[{"ref": "m"}],
    )
    at = utc("2026-03-20T00:00")
    fact = record(deadline, as_of=at, type="performance", on="2026-03-02", quantity=20)
    record(deadline, as_of=at, type="retraction", supersedes=fact.pk)
    state_position(deadline, as_of=at, party="ACME", verdict="not_met", on="2026-03-18")
    subscription = subscribe("somebody@example.org")
    change = {"deadline": deadline.pk, "agreement": deadline.agreement_id, "user": desk.pk}
    return [
        "/admin/",
        *(f"/admin/compliance/{each}/" for each in ("deadline", "proposal", "auditentry")),
        *(f"/admin/compliance/{each}/add/" for each in ("agreement", "silence", "team")),
        *(f"/admin/compliance/{name}/{row}/change/" for name, row in change.items()),
        f"/admin/compliance/deadline/{deadline.pk}/record-performance/",
        f"/admin/compliance/deadline/{deadline.pk}/record-determination/",
        f"/admin/compliance/deadline/{deadline.pk}/add-evidence/",
        f"/admin/compliance/agreement/{deadline.agreement_id}/history/",
        f"/admin/compliance/agreement/{deadline.agreement_id}/purge-agreement/",
        f"/admin/compliance/subscription/{subscription.pk}/preview/",
        "/account/password/change/",
        "/account/2fa/totp/activate/",
        "/account/sessions/",
        "/password/set/",
    ]
