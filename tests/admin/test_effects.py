"""The admin says when a record that was just made changes nothing."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from tests.samples import create_agreement, obligation, record, utc

pytestmark = pytest.mark.django_db


def test_a_record_without_effect_is_confirmed_with_a_warning(browser: Client) -> None:
    deadline = create_agreement(obligation())
    record(deadline, as_of=utc("2026-03-02T00:00"), type="waiver", on="2026-03-01")
    url = reverse("admin:compliance_deadline_record_performance", args=[deadline.pk])
    response = browser.post(url, {"on": "2026-03-02", "timezone": "Asia/Shanghai"})
    assert response.status_code == 302
    shown = [str(each) for each in get_messages(response.wsgi_request)]
    assert shown[0].startswith("Performance recorded.")
    assert shown[1].startswith("The performance changes nothing: the deadline was closed (waived)")
