"""No request computes for longer than its limit, and one that would stores nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from compliance.domain.work import TooMuchWork, check, limited_by
from compliance.models import Agreement, Party, User
from compliance.operations.deadlines import isolation
from tests.api.conftest import client_of
from tests.samples import document, obligation

IMPORT = "/api/v1/agreements/import/"


@pytest.mark.django_db
def test_a_request_that_computes_too_long_is_refused_and_stores_nothing(settings: Any) -> None:
    client = client_of(User.objects.create_superuser("desk@example.org", "secret"))
    sent = document("supply", obligation("A"))
    settings.IMPORT_SECONDS = -1
    response = client.post(IMPORT, sent, content_type="application/json")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert response.json()["detail"].startswith("This takes too long to compute")
    assert not Agreement.objects.exists()
    assert not Party.objects.exists()
    settings.IMPORT_SECONDS = 30
    settings.REQUEST_SECONDS = -1
    assert client.post(IMPORT, sent, content_type="application/json").status_code == 201


@pytest.mark.django_db
def test_the_isolation_of_failing_rows_does_not_hide_that_time_is_up() -> None:
    failed: list[int] = []

    def work(ids: Sequence[int]) -> None:
        raise TooMuchWork

    with pytest.raises(TooMuchWork):
        isolation.process([1, 2, 3], work, fail=lambda number, _: failed.append(number))
    assert not failed


def test_work_outside_of_requests_is_not_limited() -> None:
    calls: list[None] = []
    with limited_by(lambda: calls.append(None)):
        check()
    check()
    assert len(calls) == 1
