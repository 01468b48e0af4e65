"""A fact that is meant to help must be confirmed if it makes a deadline worse by surprise."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.test import Client

from compliance.models import Alert, Fact
from tests.samples import create_agreement, obligation, record, subscribe, utc

pytestmark = pytest.mark.django_db
NOW = utc("2026-03-10T12:00")


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def post(api: Client, deadline: int, **fields: Any) -> Any:
    body = {"deadline": deadline, **fields}
    return api.post("/api/v1/facts/", body, content_type="application/json")


def extension(on: str, **more: Any) -> dict[str, Any]:
    return {"type": "extension", "on": "2026-03-01", "due": {"type": "date", "on": on}, **more}


@pytest.mark.parametrize(
    ("on", "effect"),
    [
        (
            "2026-03-05",
            "This would make the deadline unmet since Thursday, 5 March 2026, 16:00 UTC.",
        ),
        (
            "2026-03-12",
            "This would make the deadline due earlier, on Thursday, 12 March 2026, 16:00 UTC "
            "instead of Sunday, 15 March 2026, 16:00 UTC.",
        ),
    ],
)  # fmt: skip
def test_an_extension_that_takes_time_away_must_be_confirmed(
    api: Client, on: str, effect: str
) -> None:
    subscribe()
    deadline = create_agreement()
    answer = post(api, deadline.pk, **extension(on))
    assert answer.status_code == 400
    assert f"{effect} If that is intended, confirm it." in answer.content.decode()
    assert "confirm" in answer.content.decode()
    assert not Fact.objects.exists()
    assert not Alert.objects.exists()
    assert post(api, deadline.pk, **extension(on, confirm=True)).status_code == 201


def test_an_extension_that_has_passed_must_be_confirmed_although_it_is_later(api: Client) -> None:
    deadline = create_agreement(obligation("O-1", "2026-03-01"))
    assert post(api, deadline.pk, **extension("2026-03-04")).status_code == 400
    assert post(api, deadline.pk, **extension("2026-03-20")).status_code == 201


def test_an_extension_that_repairs_a_late_performance_needs_no_confirmation(api: Client) -> None:
    deadline = create_agreement(obligation("O-1", "2026-03-01"))
    record(deadline, as_of=NOW, type="performance", on="2026-03-04")
    assert post(api, deadline.pk, **extension("2026-03-05")).status_code == 201
    deadline.refresh_from_db()
    assert deadline.status == "met"


def test_a_restatement_that_makes_a_met_deadline_unmet_must_be_confirmed(api: Client) -> None:
    deadline = create_agreement(obligation("O-1", "2026-03-05", target_quantity=10, unit="t"))
    record(deadline, as_of=NOW, type="performance", on="2026-03-02", quantity=10)
    restated = {"type": "restatement", "on": "2026-03-01", "quantity": 20}
    answer = post(api, deadline.pk, **restated)
    assert answer.status_code == 400
    assert "unmet since Thursday, 5 March 2026, 16:00 UTC" in answer.content.decode()
    assert post(api, deadline.pk, **restated, confirm=True).status_code == 201


def test_what_says_itself_that_it_is_bad_needs_no_confirmation(api: Client) -> None:
    deadline = create_agreement(obligation("O-1", "2026-03-05"))
    done = record(deadline, as_of=NOW, type="performance", on="2026-03-02")
    assert post(api, deadline.pk, type="retraction", supersedes=done.pk).status_code == 201


def test_a_proposal_must_be_confirmed_too(api: Client) -> None:
    deadline = create_agreement(requires_approval=True)
    assert post(api, deadline.pk, **extension("2026-03-12")).status_code == 400
    assert post(api, deadline.pk, **extension("2026-03-12", confirm=True)).status_code == 202
