"""Secret tokens in URLs stay out of the logs and the change history."""

from __future__ import annotations

import logging
from typing import Any

import pghistory.models
import pytest
from django.contrib.auth.models import Group
from django.test import Client

from compliance.delivery import links
from compliance.models import Subscription, User
from tests.samples import DESK, subscribe

TOKEN = "WzEsMl0:1abcde:c2VjcmV0"


@pytest.mark.parametrize("path", ["/calendar-feeds/{}.ics", "/acknowledge/{}", "/unsubscribe/{}"])
@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_tokens_in_urls_are_not_logged(
    client: Client, db: None, caplog: pytest.LogCaptureFixture, path: str, method: str
) -> None:
    answer = getattr(client, method)(path.format(TOKEN))
    assert answer.status_code in {404, 405}
    formatter = logging.getLogger().handlers[0].formatter
    [console] = [
        each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler
    ]
    formatter = console.formatter
    assert formatter is not None
    lines = [formatter.format(record) for record in caplog.records]
    assert lines, "the refusal is logged"
    assert not [line for line in lines if TOKEN in line]
    assert any(path.partition("{")[0] in line for line in lines)


def test_a_refused_request_is_logged_in_one_line_without_a_traceback(
    client: Client, caplog: pytest.LogCaptureFixture, db: None
) -> None:
    answer = client.get("/healthz", headers={"host": "other.example.org"})
    assert answer.status_code == 400
    [record] = [each for each in caplog.records if each.name.startswith("django.security")]
    assert "other.example.org" in record.getMessage()
    assert record.exc_info is None
    viewer = User.objects.create_user("viewer@example.org", is_staff=True)
    viewer.groups.add(Group.objects.get(name="viewer"))
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
    for path in ("/admin/compliance/agreement/add/", "/admin/compliance/user/"):
        caplog.clear()
        assert client.get(path).status_code == 403
        [record] = caplog.records
        assert path in record.getMessage()
        assert record.exc_info is None


def test_tokens_in_urls_are_not_stored_in_the_change_history(client: Client, db: None) -> None:
    path = links.unsubscribe_path(DESK, [subscribe().pk])
    assert client.post(path).status_code == 200
    assert not Subscription.objects.get().is_active
    kept: list[Any] = list(pghistory.models.Context.objects.values_list("metadata", flat=True))
    assert {each["url"] for each in kept} == {"/unsubscribe/..."}
    browser = Client()
    browser.force_login(User.objects.create_superuser("lee@example.org", "x"))
    assert path.rpartition("/")[2] not in str(kept)
