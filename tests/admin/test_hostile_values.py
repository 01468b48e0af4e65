"""Numbers and texts made to break or to block: no form of the admin falls for them."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from compliance.models import Deadline
from tests.admin.pages import address, agreement_form, errors

HOSTILE = ["1e60000000", "1e-9999999999999999999", "9" * 5_000, "٣" * 30]


class Fields(HTMLParser):
    """The fields of the forms of a page that post, with their values."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = ""
        self._posts = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._posts = found.get("method", "").lower() == "post"
        name = found.get("name", "")
        if not self._posts or found.get("type") in {"submit", "file"}:
            return
        if tag == "input" and (
            found.get("type") not in {"checkbox", "radio"} or "checked" in found
        ):
            self.values.setdefault(name, found.get("value", ""))
        elif tag == "textarea":
            self.values.setdefault(name, "")
        elif tag == "select":
            self._select = name
            self.values.setdefault(name, "")
        elif tag == "option" and "selected" in found:
            self.values[self._select] = found.get("value", "")


def fields_of(page: Any) -> dict[str, str]:
    """What a browser would post from a page if nothing were touched."""
    parser = Fields()
    parser.feed(page.content.decode())
    return {name: value for name, value in parser.values.items() if name}


def forms(browser: Client, deadline: Deadline) -> Iterator[tuple[str, dict[str, str]]]:
    """Every page of the admin with a form that posts, and what it posts."""
    rows = {
        "agreement": deadline.agreement_id,
        "deadline": deadline.pk,
        "obligation": deadline.obligation_id,
        "party": deadline.agreement.parties.first().pk,  # type: ignore[union-attr]
    }
    for model, site in admin.site._registry.items():
        for pattern in site.get_urls():
            name = getattr(pattern, "name", None)
            if not name or name.endswith(
                ("_delete", "_changelist", "_history", "_password_change")
            ):
                continue
            needs_row = "<" in str(pattern.pattern)
            row = rows.get(str(model._meta.model_name))
            if needs_row and row is None:
                continue
            url = reverse(f"admin:{name}", args=[row] if needs_row else [])
            page = browser.get(url)
            if page.status_code == 200 and "<form" in page.content.decode():
                values = fields_of(page)
                if set(values) - {"csrfmiddlewaretoken"}:
                    yield url, values


@pytest.mark.exhaustive
def test_no_form_breaks_on_hostile_values(browser: Client, rare_earths: Deadline) -> None:
    browser.raise_request_exception = False
    found = [*forms(browser, rare_earths)]
    assert len(found) > 15
    for url, values in found:
        for value in HOSTILE:
            response = browser.post(url, dict.fromkeys(values, value))
            assert response.status_code < 500, (url, value[:30])


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("obligations-0-due_count", {"obligations-0-due_type": "offset"}),
        ("obligations-0-due_rrule", {"obligations-0-due_type": "recurrence"}),
        ("obligations-0-due_service_days", {"obligations-0-due_type": "offset"}),
        ("obligations-0-grace_count", {}),
        ("obligations-0-target_quantity", {}),
        ("obligations-0-roll_up_share", {"obligations-0-roll_up": "share"}),
        ("obligations-0-notification_policy_reminders", {}),
        ("obligations-0-parent", {}),
        ("memberships-0-party", {}),
        pytest.param("obligations-TOTAL_FORMS", {}, marks=pytest.mark.exhaustive),
        pytest.param("milestones-TOTAL_FORMS", {}, marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.parametrize(
    "value",
    [pytest.param(each, marks=() if n < 2 else pytest.mark.exhaustive)
     for n, each in enumerate(HOSTILE)],
    ids=["huge", "tiny", "long", "Arabic"],
)  # fmt: skip
def test_no_field_of_an_agreement_breaks_on_hostile_values(
    browser: Client, name: str, more: dict[str, str], value: str
) -> None:
    browser.raise_request_exception = False
    form = agreement_form(**{**more, name: value})
    assert browser.post(address("agreement", "add"), form).status_code < 500


def test_an_agreement_refuses_a_party_with_a_nul_character(browser: Client) -> None:
    browser.raise_request_exception = False
    form = agreement_form(**{"memberships-0-party": "\x00"})
    assert browser.post(address("agreement", "add"), form).status_code == 200


@pytest.mark.parametrize("value", [*HOSTILE, "\x00"])
@pytest.mark.parametrize(("model", "name"), [("team", "members"), ("silence", "deadline")])
def test_a_choice_among_many_rows_refuses_what_is_no_id(
    browser: Client, model: str, name: str, value: str
) -> None:
    response = browser.post(address(model, "add"), {name: value})
    assert name in errors(response)


def test_a_calendar_refuses_a_weekday_that_is_none(browser: Client) -> None:
    form = {"code": "hq", "title": "Desk", "weekend": ["x"], "closing_days-TOTAL_FORMS": "0",
            "closing_days-INITIAL_FORMS": "0"}  # fmt: skip
    response = browser.post(address("customcalendar", "add"), form)
    assert "weekend" in errors(response)


@pytest.mark.exhaustive
@pytest.mark.parametrize("value", ["9" * 3_000, "1e60000000", "\x00"])
def test_no_list_breaks_on_hostile_filters(browser: Client, value: str) -> None:
    browser.raise_request_exception = False
    for model in admin.site._registry:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for name in ("id__exact", "q", "p", "o", "status__exact", "kind__exact", "pk__in"):
            response = browser.get(url, {name: value})
            assert response.status_code < 500, (url, name)


@pytest.mark.parametrize("value", ["9" * 3_000, "1e60000000", "٣" * 30])
def test_no_address_breaks_on_a_hostile_id(browser: Client, value: str) -> None:
    browser.raise_request_exception = False
    for model, site in admin.site._registry.items():
        for pattern in site.get_urls():
            name = getattr(pattern, "name", None)
            if name and "<" in str(pattern.pattern) and "int:" not in str(pattern.pattern):
                number = len(pattern.pattern.converters)
                response = browser.get(reverse(f"admin:{name}", args=[value] * number))
                assert response.status_code < 500, (model, name)


@pytest.mark.parametrize("value", ["99999999999999999999", "abc", "%00", "1_002F2", "-1"])
def test_an_address_without_a_page_leads_to_the_overview(browser: Client, value: str) -> None:
    browser.raise_request_exception = False
    for model in admin.site._registry:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        response = browser.get(f"{url}{value}/", follow=True)
        assert response.status_code in {200, 404}, (model, value)
