"""A fact that is meant to help must be confirmed if it makes a deadline worse by surprise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.models import Alert, Fact, User
from compliance.operations.agreements import proposals
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
            "This would mean that the deadline has been unmet since Thursday, 5 March 2026, "
            "16:00 UTC.",
        ),
        (
            "2026-03-12",
            "This would make the deadline due earlier: Thursday, 12 March 2026, 16:00 UTC "
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


@pytest.mark.parametrize(
    "fact", [{"type": "retraction"}, {"type": "performance", "on": "2026-03-02", "quantity": 6}]
)
def test_a_correction_that_makes_a_met_deadline_unmet_must_be_confirmed(
    api: Client, fact: dict[str, Any]
) -> None:
    deadline = create_agreement(obligation("O-1", "2026-03-05", target_quantity=10, unit="t"))
    done = record(deadline, as_of=NOW, type="performance", on="2026-03-02", quantity=10)
    answer = post(api, deadline.pk, supersedes=done.pk, **fact)
    assert answer.status_code == 400
    assert "met since Thursday, 5 March 2026, 16:00 UTC. If that is" in answer.content.decode()
    assert post(api, deadline.pk, supersedes=done.pk, **fact, confirm=True).status_code == 201


def test_a_correction_that_leaves_a_deadline_as_unmet_as_before_needs_no_confirmation(
    api: Client,
) -> None:
    deadline = create_agreement(obligation("O-1", "2026-03-05", target_quantity=10, unit="t"))
    done = record(deadline, as_of=NOW, type="performance", on="2026-03-02", quantity=5)
    assert post(api, deadline.pk, type="retraction", supersedes=done.pk).status_code == 201


def test_a_trigger_so_long_ago_that_the_deadline_is_unmet_must_be_confirmed(api: Client) -> None:
    then = {"type": "offset", "count": 3, "unit": "days"}
    rule = {"type": "trigger", "on": {"milestone": "closing"}, "then": then}
    deadline = create_agreement(obligation("O-1", due=rule), milestones=[{"ref": "closing"}])
    long_ago = {"type": "trigger", "on": "2026-01-05"}
    answer = post(api, deadline.pk, **long_ago)
    assert answer.status_code == 400
    assert "unmet since Friday, 9 January 2026, 16:00 UTC" in answer.content.decode()
    assert post(api, deadline.pk, **long_ago, confirm=True).status_code == 201


def test_what_says_itself_that_it_is_bad_needs_no_confirmation(api: Client) -> None:
    deadline = create_agreement(obligation("O-1", "2026-03-05"))
    record(deadline, as_of=NOW, type="performance", on="2026-03-02")
    finding = {"verdict": "not_met", "on": "2026-03-06", "note": "It was empty."}
    body = {"deadline": deadline.pk, **finding}
    answer = api.post("/api/v1/determinations/", body, content_type="application/json")
    assert answer.status_code == 201


def test_an_approver_must_confirm_an_effect_that_was_not_there_when_it_was_proposed(
    api: Client,
) -> None:
    deadline = create_agreement(obligation("O-1", "2026-03-20"), requires_approval=True)
    ana = User.objects.create_superuser("ana@example.org", "secret")
    draft = read(FactDraft, extension("2026-03-25"))
    proposal = proposals.submit(deadline=deadline, draft=draft, by=ana, as_of=NOW)
    url = f"/api/v1/proposals/{proposal.pk}/approve/"
    with time_machine.travel(NOW + timedelta(days=20), tick=False):
        answer = api.post(url, {}, content_type="application/json")
        assert answer.status_code == 400
        sentence = (
            "unmet since Wednesday, 25 March 2026, 16:00 UTC. This was not the case when it was"
        )
        assert sentence in answer.content.decode()
        answer = api.post(url, {"confirm": True}, content_type="application/json")
        assert answer.status_code == 200


def test_an_approver_need_not_confirm_again_what_the_proposer_confirmed(api: Client) -> None:
    deadline = create_agreement(requires_approval=True)
    ana = User.objects.create_superuser("ana@example.org", "secret")
    draft = read(FactDraft, extension("2026-03-12"))
    proposal = proposals.submit(
        deadline=deadline, draft=draft, by=ana, as_of=NOW, is_confirmed=True
    )
    url = f"/api/v1/proposals/{proposal.pk}/approve/"
    assert api.post(url, {}, content_type="application/json").status_code == 200


def test_a_proposal_must_be_confirmed_too(api: Client) -> None:
    deadline = create_agreement(requires_approval=True)
    assert post(api, deadline.pk, **extension("2026-03-12")).status_code == 400
    assert post(api, deadline.pk, **extension("2026-03-12", confirm=True)).status_code == 202


def patch(api: Client, path: str, **body: Any) -> Any:
    return api.patch(f"/api/v1/{path}", body, content_type="application/json")


def test_a_correction_of_a_due_rule_that_makes_a_deadline_unmet_must_be_confirmed(
    api: Client,
) -> None:
    deadline = create_agreement()
    path = f"obligations/{deadline.obligation_id}/"
    due = {"type": "date", "on": "2026-03-05"}
    answer = patch(api, path, due=due)
    assert answer.status_code == 400
    sentence = "mean that O-1 has been unmet since Thursday, 5 March 2026, 16:00 UTC. If that is"
    assert sentence in answer.content.decode()
    deadline.refresh_from_db()
    assert (deadline.status, str(deadline.due_on)) == ("pending", "2026-03-15")
    assert patch(api, path, title="Deliver it").status_code == 200
    assert patch(api, path, due=due, confirm=True).status_code == 200
    assert patch(api, path, title="Deliver all of it").status_code == 200


def test_a_milestone_dated_so_early_that_a_deadline_is_unmet_must_be_confirmed(
    api: Client,
) -> None:
    then = {"type": "offset", "count": 3, "unit": "days"}
    rule = {"type": "trigger", "on": {"milestone": "closing"}, "then": then}
    create_agreement(obligation("O-1", due=rule), milestones=[{"ref": "closing"}])
    early = [{"ref": "closing", "on": "2026-03-02"}]
    answer = patch(api, "agreements/supply/", milestones=early)
    assert answer.status_code == 400
    assert "This would mean that O-1 has been unmet since" in answer.content.decode()
    later = [{"ref": "closing", "on": "2026-03-09"}]
    assert patch(api, "agreements/supply/", milestones=later).status_code == 200
    assert patch(api, "agreements/supply/", milestones=early, confirm=True).status_code == 200


def test_a_correction_is_not_blamed_for_what_has_passed_since_the_last_sweep(api: Client) -> None:
    deadline = create_agreement(obligation("O-1", "2026-03-05"))
    assert deadline.status == "pending"
    path = f"obligations/{deadline.obligation_id}/"
    assert patch(api, path, grace={"count": 1, "unit": "days"}).status_code == 200
