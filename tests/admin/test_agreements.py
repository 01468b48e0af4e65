"""Adding and changing an agreement with its parties and obligations on one page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pghistory.core import event_models

from compliance.domain.agreements.drafts import PartyDraft
from compliance.domain.drafts import read
from compliance.models import Agreement, Deadline, Obligation
from compliance.operations.agreements import parties
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import address, agreement_form, errors, filled_in
from tests.samples import BUYER, SUPPLIER, create_agreement, obligation


@pytest.fixture
def known(db: None) -> None:
    """Two parties for agreements."""
    for each in (BUYER, SUPPLIER):
        parties.create(draft=read(PartyDraft, each))


def enter(client: Client, **values: Any) -> Any:
    """Post a new agreement."""
    return client.post(address("agreement", "add"), agreement_form(**values))


@pytest.mark.usefixtures("known")
def test_an_agreement_is_added_with_parties_and_obligations_in_one_post(browser: Client) -> None:
    response = enter(browser)

    agreement = Agreement.objects.get()
    assert response.status_code == 302, errors(response)
    assert agreement.calendars == ["DE-BY", "US"]
    assert [(m.party.code, m.role) for m in agreement.memberships.all()] == [
        ("ACME", "buyer"),
        ("CHN", ""),
    ]
    obligation = agreement.obligations.get()
    assert obligation.text == "The supplier shall deliver.\nIn full."
    assert obligation.tags == ["supply", "hs:2805"]
    assert obligation.grace == {"count": 5, "unit": "business_days"}
    assert obligation.target_quantity == 100
    deadline = Deadline.objects.get()
    assert deadline.status == "pending"
    assert deadline.timezone == "Asia/Shanghai"
    assert str(deadline.due_at) == "2099-03-15 16:00:00+00:00"
    assert deadline.due_at is not None
    assert deadline.unmet_at is not None
    assert deadline.unmet_at > deadline.due_at


@pytest.mark.usefixtures("known")
def test_a_deadline_entered_after_its_due_date_is_unmet_immediately(browser: Client) -> None:
    enter(browser, **{"obligations-0-due_on": "2026-03-15", "obligations-0-grace_count": ""})

    assert Deadline.objects.get().status == "unmet"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("values", "place", "part"),
    [
        ({"ref": "Supply 2026"}, "ref", "such as geneva-2025"),
        ({"timezone": "Europe/Berln"}, "timezone", "Europe/Berlin"),
        ({"calendars": "XX"}, "calendars", ""),
        ({"ends_on": "2025-01-01"}, "", "before"),
        ({"signed_on": "2026-02-30"}, "signed_on", "does not exist"),
        ({"memberships-1-party": "ACME"}, "memberships-1-party", "twice"),
        ({"memberships-0-party": "", "memberships-1-party": ""}, "memberships", ""),
        ({"obligations-0-obligors": ["USA"]}, "obligations-0-obligors", "not a party"),
        ({"obligations-0-obligees": []}, "obligations-0-obligees", "at least one"),
        ({"obligations-0-due_on": "2026-02-30"}, "obligations-0-due", "Date: 2026-02-30 does not"),
        ({"obligations-0-due_timezone": "Mars"}, "obligations-0-due", "Time zone: "),
        ({"obligations-0-due_on": ""}, "obligations-0-grace_count", ""),
        ({"obligations-0-responsible": "ana"}, "obligations-0-responsible", "email address"),
        ({"obligations-0-parent": "O-9"}, "obligations-0-parent", "no obligation O-9"),
        ({"obligations-0-ref": "O 1"}, "obligations-0-ref", "such as CN-2d"),
        (
            {
                "obligations-0-due_on": "2026-03-29",
                "obligations-0-due_time": "02:30",
                "obligations-0-due_timezone": "Europe/Berlin",
            },
            "obligations-0-due",
            "Time: ",
        ),
    ],
)
def test_problems_are_shown_on_their_field_and_nothing_is_stored(
    browser: Client, values: dict[str, Any], place: str, part: str
) -> None:
    response = enter(browser, **values)

    assert response.status_code == 200
    found = errors(response)
    if place == "obligations-0-grace_count":
        assert "needs a due rule" in str(found)
    else:
        assert place in found, found
        assert part in " ".join(found[place])
    assert not Agreement.objects.exists()
    assert not Obligation.objects.exists()


@pytest.mark.usefixtures("known")
def test_a_rejected_form_keeps_what_was_typed(browser: Client) -> None:
    page = enter(browser, **{"obligations-0-obligors": ["USA"]}).content.decode()

    assert "Deliver the first lot" in page
    assert 'value="USA"' in page


@pytest.mark.usefixtures("known")
def test_two_obligations_with_the_same_ref_are_rejected(browser: Client) -> None:
    second = {
        key.replace("-0-", "-1-"): value
        for key, value in agreement_form().items()
        if key.startswith("obligations-0-")
    }
    response = enter(browser, **second, **{"obligations-TOTAL_FORMS": "2"})

    assert "O-1" in " ".join(errors(response)["obligations-1-ref"])
    assert not Agreement.objects.exists()


def test_saving_an_unchanged_page_changes_nothing(browser: Client, geneva: Agreement) -> None:
    url = address("agreement", "change", geneva.pk)
    before = list(Deadline.objects.order_by("id").values())
    events = _events()

    response = browser.post(url, filled_in(browser, url))

    assert response.status_code == 302, errors(response)
    assert list(Deadline.objects.order_by("id").values()) == before
    assert _events() == events


def _events() -> list[int]:
    return [event._default_manager.count() for event in event_models()]


def test_changing_a_due_date_moves_the_deadline(browser: Client) -> None:
    deadline = create_agreement(obligation(due_on="2026-03-15"))
    assert deadline.status == "pending"
    url = address("agreement", "change", deadline.agreement_id)

    values = filled_in(browser, url)
    response = browser.post(url, {**values, "obligations-0-due_on": "2026-03-01"})

    assert response.status_code == 302, errors(response)
    deadline.refresh_from_db()
    assert str(deadline.due_on) == "2026-03-01"
    assert deadline.status == "unmet"
    assert deadline.ledger.exists()


def test_the_due_date_of_a_deadline_cannot_be_removed(browser: Client) -> None:
    deadline = create_agreement()
    url = address("agreement", "change", deadline.agreement_id)

    response = browser.post(url, {**filled_in(browser, url), "obligations-0-due_on": ""})

    assert "has a deadline" in " ".join(errors(response)["obligations-0-due"])


def test_refs_cannot_be_changed_and_nothing_is_deleted(browser: Client) -> None:
    deadline = create_agreement()
    url = address("agreement", "change", deadline.agreement_id)
    values = {
        **filled_in(browser, url),
        "ref": "other",
        "obligations-0-ref": "O-9",
        "obligations-0-DELETE": "on",
    }

    assert browser.post(url, values).status_code == 302
    assert list(Obligation.objects.values_list("agreement__ref", "ref")) == [("supply", "O-1")]
    assert browser.get(address("agreement", "delete", deadline.agreement_id)).status_code == 403


def test_a_new_row_cannot_overwrite_an_obligation_by_its_ref(browser: Client) -> None:
    deadline = create_agreement()
    url = address("agreement", "change", deadline.agreement_id)
    row = {
        key.replace("-0-", "-1-"): value
        for key, value in agreement_form().items()
        if key.startswith("obligations-0-")
    }

    response = browser.post(url, {**filled_in(browser, url), **row, "obligations-TOTAL_FORMS": "2"})

    assert "already" in " ".join(errors(response)["obligations-1-ref"])
    assert Obligation.objects.get().title == "Deliver lot O-1"


def test_a_party_with_obligations_cannot_be_removed(browser: Client) -> None:
    deadline = create_agreement()
    url = address("agreement", "change", deadline.agreement_id)

    response = browser.post(url, {**filled_in(browser, url), "memberships-1-DELETE": "on"})

    assert "must stay a party" in " ".join(errors(response)["memberships"])
    assert deadline.agreement.memberships.count() == 2


def test_obligations_are_shown_and_saved_one_page_at_a_time(browser: Client) -> None:
    deadline = create_agreement(*(obligation(ref=f"O-{number}") for number in range(40)))
    url = address("agreement", "change", deadline.agreement_id)

    values = filled_in(browser, f"{url}?obligations-page=2")
    assert values["obligations-TOTAL_FORMS"] == 15
    values["obligations-0-title"] = "Renamed"
    assert browser.post(f"{url}?obligations-page=2", values).status_code == 302

    assert Obligation.objects.get(title="Renamed").ref == "O-25"
    assert Obligation.objects.count() == 40


def test_changing_obligations_requires_its_own_permission(
    geneva: Agreement,
) -> None:
    user = staff("clerk@example.org", "view_agreement", "change_agreement", "view_obligation")
    client = logged_in(user)
    url = address("agreement", "change", geneva.pk)

    values = {**filled_in(client, url), "title": "Geneva", "obligations-0-title": "Nothing"}
    response = client.post(url, values)

    assert response.status_code == 302, errors(response)
    geneva.refresh_from_db()
    assert geneva.title == "Geneva"
    assert not Obligation.objects.filter(title="Nothing").exists()
    assert geneva.memberships.count() == 2


def test_a_correction_that_makes_a_deadline_unmet_must_be_confirmed(browser: Client) -> None:
    deadline = create_agreement(obligation(due_on="2099-03-15"))
    page = address("agreement", "change", deadline.agreement_id)
    values = filled_in(browser, page) | {"obligations-0-due_on": "2026-03-15"}
    refused = browser.post(page, values)
    assert "This would mean that O-1 has been unmet since" in str(errors(refused))
    deadline.refresh_from_db()
    assert deadline.status == "pending"
    confirmed = browser.post(page, values | {"confirm": "on"})
    assert confirmed.status_code == 302, errors(confirmed)
    deadline.refresh_from_db()
    assert deadline.status == "unmet"


@pytest.mark.usefixtures("known")
def test_the_form_says_how_earlier_breaches_are_announced(browser: Client) -> None:
    past = {"obligations-0-due_on": "2026-03-15", "obligations-0-grace_count": ""}
    assert enter(browser, announcement="none", **past).status_code == 302
    assert Deadline.objects.get().announcement == "none"


def test_each_party_can_have_its_own_date_of_a_milestone(browser: Client, viewer: Client) -> None:
    create_agreement(milestones=[{"ref": "ratified", "dates": []}])
    agreement = Agreement.objects.get()
    url = address("agreement", "change", agreement.pk)
    form = filled_in(browser, url)
    assert form["milestones-0-is_per_party"] is True
    form["milestones-0-party_dates"] = "CHN 2026-01-10\nACME 2026-Q2"
    assert browser.post(url, form).status_code == 302
    milestone = agreement.milestones.get()
    assert [(each["party"], each["on"]) for each in milestone.dates or ()] == [
        ("ACME", "2026-Q2"), ("CHN", "2026-01-10"),
    ]  # fmt: skip
    assert filled_in(browser, url)["milestones-0-party_dates"] == "ACME 2026-Q2\nCHN 2026-01-10"
    assert "CHN 2026-01-10" in viewer.get(url).content.decode()
