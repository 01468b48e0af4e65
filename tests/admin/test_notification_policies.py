"""Entering the notification policies of agreements and obligations."""

from __future__ import annotations

import pytest
from django.test import Client

from compliance.models import (
    Agreement,
    Obligation,
)
from tests.admin.pages import address, agreement_form, errors, filled_in
from tests.samples import create_agreement, obligation


def test_a_notification_policy_is_entered_as_text(browser: Client) -> None:
    create_agreement()
    values = agreement_form(
        notification_policy_reminders="10 business days, 3",
        notification_policy_escalations="none",
        **{
            "obligations-0-notification_policy_reminders": "1 business day",
            "obligations-0-notification_policy_escalations": "2, 14",
        },
    )
    response = browser.post(address("agreement", "add"), values)
    assert response.status_code == 302, errors(response)
    agreement = Agreement.objects.get(ref="supply-2026")
    assert agreement.notification_policy == {
        "reminders": [{"count": 10, "unit": "business_days"}, {"count": 3, "unit": "days"}],
        "escalations": [],
    }
    stored = Obligation.objects.get(agreement=agreement).notification_policy
    assert stored == {
        "reminders": [{"count": 1, "unit": "business_days"}],
        "escalations": [{"count": 2, "unit": "days"}, {"count": 14, "unit": "days"}],
    }

    url = address("agreement", "change", agreement.pk)
    posted = filled_in(browser, url)
    assert posted["notification_policy_reminders"] == "10 business days, 3"
    assert posted["notification_policy_escalations"] == "none"
    assert posted["obligations-0-notification_policy_reminders"] == "1 business day"
    posted["title"] = "Another title"
    assert browser.post(url, posted).status_code == 302
    kept = Agreement.objects.get(pk=agreement.pk)
    assert (kept.title, kept.notification_policy) == (
        "Another title",
        agreement.notification_policy,
    )
    assert Obligation.objects.get(agreement=agreement).notification_policy == stored

    cleared = {**posted, "notification_policy_reminders": "", "notification_policy_escalations": ""}
    assert browser.post(url, cleared).status_code == 302
    assert Agreement.objects.get(pk=agreement.pk).notification_policy is None


def test_an_empty_half_of_an_agreements_policy_uses_the_default(browser: Client) -> None:
    create_agreement()
    browser.post(address("agreement", "add"), agreement_form(notification_policy_reminders="5"))
    notification_policy = Agreement.objects.get(ref="supply-2026").notification_policy
    assert notification_policy is not None
    assert notification_policy["reminders"] == [{"count": 5, "unit": "days"}]
    assert [step["count"] for step in notification_policy["escalations"]] == [1, 7, 30]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("notification_policy_reminders", "soon", "is not a number of days"),
        ("notification_policy_reminders", "1, ,2", "is not a number of days"),
        ("notification_policy_reminders", "2 weeks", "is not a number of days"),
        ("notification_policy_reminders", "0", "not less than 1"),
        ("notification_policy_escalations", "400", "not greater than 366"),
        ("notification_policy_escalations", "7, 7", "only once"),
        ("obligations-0-notification_policy_reminders", "x", "is not a number of days"),
        ("obligations-0-notification_policy_reminders", "999", "not greater than 366"),
    ],
)
def test_problems_of_a_policy_are_shown_on_their_field(
    browser: Client, name: str, text: str, said: str
) -> None:
    create_agreement()
    both = (
        {"obligations-0-notification_policy_escalations": "1"}
        if name.startswith("obligations")
        else {}
    )
    response = browser.post(address("agreement", "add"), agreement_form(**{**both, name: text}))
    assert said in " ".join(errors(response)[name])
    assert Agreement.objects.count() == 1


def test_half_a_policy_of_an_obligation_is_rejected(browser: Client) -> None:
    create_agreement()
    values = agreement_form(**{"obligations-0-notification_policy_reminders": "5"})
    response = browser.post(address("agreement", "add"), values)
    assert "Enter both" in " ".join(
        errors(response)["obligations-0-notification_policy_escalations"]
    )


def test_a_viewer_sees_the_notification_policy(viewer: Client) -> None:
    notification_policy = {"reminders": [{"count": 44, "unit": "business_days"}], "escalations": []}
    deadline = create_agreement(
        obligation(notification_policy=notification_policy), notification_policy=notification_policy
    )
    for page in (
        address("agreement", "change", deadline.agreement_id),
        address("obligation", "change", deadline.obligation_id),
    ):
        assert "44 business days" in viewer.get(page).content.decode()
