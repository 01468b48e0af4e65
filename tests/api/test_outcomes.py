"""Outcomes: postponed, replaced and closed as unmet; dates of reduced precision; assessors."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from compliance.models import Agreement, Alert, Deadline, User
from compliance.operations.deadlines import sweep
from compliance.queries.integrity import tampering
from tests.api.answers import get, patch, paths, post, rows
from tests.api.conftest import client_of
from tests.samples import (
    create_agreement,
    document,
    obligation,
    record_agreement_fact,
    subscribe,
    utc,
)


@pytest.fixture
def missed(db: None) -> Deadline:
    """An unmet deadline, due on 15 March 2026 in Shanghai, of an agreement that tracks another."""
    subscribe()
    return create_agreement(obligation(), obligation("O-2", due_on="2099-01-01"))


def is_intact() -> bool:
    """Return whether stored statuses follow from the terms and facts, and chains are complete."""
    return tampering.check(as_of=timezone.now()).is_clean


def record(api: Client, deadline: Deadline, **fields: Any) -> dict[str, Any]:
    """Record a fact, check that the ledger still verifies, and return the deadline."""
    post(api, "facts/", {"deadline": deadline.pk, **fields})
    assert is_intact()
    found: dict[str, Any] = get(api, f"deadlines/{deadline.pk}/")
    return found


def breach_of(api: Client, deadline: Deadline) -> Any:
    [found] = rows(api, "breaches/", obligation_ref=deadline.obligation.ref)
    return found


def test_an_extension_without_a_date_postpones_the_deadline_until_one_is_set(
    api: Client, missed: Deadline
) -> None:
    row = record(api, missed, type="extension", on="2026-03-20")
    assert (row["status"], row["due_on"], row["is_closed"]) == ("dormant", None, False)
    assert breach_of(api, missed)["end_reason"] == "postponed"
    why = get(api, f"deadlines/{missed.pk}/why/")
    assert "It was postponed without a new date (on 20 March 2026)." in why["paragraph"]
    due = {"type": "date", "on": "2099-06-30"}
    row = record(api, missed, type="extension", on="2026-04-01", due=due)
    assert (row["status"], row["due_on"]) == ("pending", "2099-06-30")


def test_a_replacement_links_both_obligations(api: Client, missed: Deadline) -> None:
    row = record(api, missed, type="replacement", on="2026-03-20", successor="O-2")
    assert (row["status"], row["is_closed"]) == ("superseded", True)
    [successor] = rows(api, "obligations/", ref="O-2")
    assert row["successor"] == {
        "id": successor["id"],
        "agreement": "supply",
        "obligation_ref": "O-2",
        "title": "Deliver lot O-2",
    }
    assert successor["replaces"] == [
        {"deadline": missed.pk, "agreement": "supply", "obligation_ref": "O-1"}
    ]
    assert breach_of(api, missed)["end_reason"] == "replaced"
    why = get(api, f"deadlines/{missed.pk}/why/")
    assert "now obligation O-2 of supply" in why["paragraph"]


def test_a_successor_can_belong_to_another_agreement(api: Client, missed: Deadline) -> None:
    create_agreement(obligation("N-1"), ref="later")
    row = record(
        api,
        missed,
        type="replacement",
        on="2026-03-20",
        successor="N-1",
        successor_agreement="later",
    )
    assert row["successor"]["agreement"] == "later"


@pytest.mark.parametrize("successor", ["O-9", "O-1"])
def test_an_unknown_successor_is_refused(api: Client, missed: Deadline, successor: str) -> None:
    fact = {"deadline": missed.pk, "type": "replacement", "on": "2026-03-20"}
    answer = post(api, "facts/", {**fact, "successor": successor}, 400)
    assert paths(answer) == {"successor"}


def test_a_successor_in_an_agreement_that_is_not_imported_yet_is_refused_with_advice(
    api: Client, missed: Deadline
) -> None:
    fact = {"deadline": missed.pk, "type": "replacement", "on": "2026-03-20"}
    answer = post(api, "facts/", {**fact, "successor": "N-1", "successor_agreement": "later"}, 400)
    assert answer["errors"][0]["detail"] == (
        "Agreement later has no obligation N-1. Import that agreement with it first, or correct "
        "the successor."
    )


def test_a_termination_closes_what_is_unmet_and_cancels_what_is_not_due(
    api: Client, missed: Deadline
) -> None:
    fact = {"agreement": "supply", "type": "termination", "on": "2026-04-01"}
    post(api, "facts/", fact)
    unmet, other = rows(api, "deadlines/", ordering="id")
    assert (unmet["status"], unmet["is_closed"], unmet["next_check_at"]) == ("unmet", True, None)
    assert (other["status"], other["is_closed"]) == ("cancelled", True)
    assert breach_of(api, missed)["end_reason"] == "terminated"
    assert rows(api, "deadlines/", is_open="true") == []
    assert rows(api, "deadlines/", is_closed="true", ordering="id") == [unmet, other]
    before = {"as_of": "2026-03-20T00:00:00Z"}
    assert [each["id"] for each in rows(api, "deadlines/", is_open="true", **before)] == [missed.pk]
    why = get(api, f"deadlines/{missed.pk}/why/")
    assert (
        "The agreement was terminated (on 1 April 2026). It is closed as unmet."
        in (why["paragraph"])
    )
    assert is_intact()


def test_a_breach_that_was_closed_is_over_in_the_past_too(api: Client, missed: Deadline) -> None:
    record(
        api,
        missed,
        type="determination",
        verdict="not_met",
        is_final=True,
        on="2026-03-20",
        note="No notice was published.",
    )
    now = breach_of(api, missed)
    assert now["end_reason"] == "determined"
    [then] = rows(api, "breaches/", as_of=timezone.now().isoformat())
    assert (then["occurred_at"], then["ended_at"], then["end_reason"]) == (
        now["occurred_at"],
        now["ended_at"],
        now["end_reason"],
    )
    at = timezone.now().isoformat()
    [earlier] = rows(api, "breaches/", as_of="2026-03-19T00:00:00Z", known_at=at)
    assert earlier["ended_at"] is None


def test_a_breach_that_is_closed_when_it_begins_is_over_in_the_past_too(api: Client) -> None:
    deadline = create_agreement(obligation(grace={"count": 30, "unit": "days"}))
    record_agreement_fact(as_of=utc("2026-03-21T00:00"), type="termination", on="2026-03-20")
    sweep.run(as_of=utc("2026-05-01T00:00"))
    now = breach_of(api, deadline)
    assert (now["ended_at"], now["end_reason"]) == (now["occurred_at"], "terminated")
    at = timezone.now().isoformat()
    [then] = rows(api, "breaches/", as_of="2026-05-02T00:00:00Z", known_at=at)
    assert (then["ended_at"], then["end_reason"]) == (now["ended_at"], "terminated")


def test_a_final_determination_closes_the_deadline_as_unmet(api: Client, missed: Deadline) -> None:
    determination = {
        "deadline": missed.pk, "verdict": "not_met", "on": "2026-04-01", "note": "Never delivered.",
        "is_final": True,
    }  # fmt: skip
    assert post(api, "determinations/", determination)["is_final"]
    row = get(api, f"deadlines/{missed.pk}/")
    assert (row["status"], row["is_closed"], row["verification"]) == ("unmet", True, "confirmed")
    assert breach_of(api, missed)["end_reason"] == "determined"
    timeline = get(api, f"deadlines/{missed.pk}/timeline/")["results"]
    assert timeline[-1]["reason"] == "determined_finally"
    # A later termination of the agreement changes nothing.
    post(api, "facts/", {"agreement": "supply", "type": "termination", "on": "2026-05-01"})
    assert get(api, f"deadlines/{missed.pk}/")["status"] == "unmet"


def test_partly_met_without_a_share_is_stored_without_one(api: Client, missed: Deadline) -> None:
    row = record(
        api, missed, type="determination", verdict="partly_met", on="2026-04-01", note="Some of it."
    )
    assert (row["status"], row["accepted_share"]) == ("partly_met", None)


def test_the_end_of_the_agreement_is_found_by_the_sweep(api: Client, missed: Deadline) -> None:
    sent = get(api, "agreements/supply/")
    patch(api, "agreements/supply/", {"ends_on": "2098-12-31"})
    unmet, later = Deadline.objects.order_by("id")
    assert (unmet.status, unmet.is_closed) == ("unmet", False)
    assert unmet.next_check_at is not None
    sweep.run(as_of=utc("2098-12-31T16:00"))
    unmet, later = Deadline.objects.order_by("id")
    assert (unmet.status, unmet.is_closed, later.status) == ("unmet", True, "cancelled")
    assert unmet.breaches.get().end_reason == "expired"
    patch(api, "agreements/supply/", {"ends_on": sent["ends_on"], "confirm": True})


def test_an_agreement_that_has_expired_reports_a_miss_and_escalates_nothing(api: Client) -> None:
    subscribe()
    deadline = create_agreement(obligation(due_on="2026-03-15"), ends_on="2026-03-15")
    sweep.run(as_of=utc("2026-03-15T16:00"))
    deadline.refresh_from_db()
    assert (deadline.status, deadline.is_closed, deadline.next_check_at) == ("unmet", True, None)
    assert [each.kind for each in Alert.objects.all()] == ["missed"]


def test_a_document_carries_all_outcomes(api: Client) -> None:
    create_agreement(
        obligation(facts=[{"type": "extension", "on": "2026-03-01"}]),
        obligation("O-2", facts=[{"type": "replacement", "on": "2026-03-01", "successor": "O-1"}]),
        obligation(
            "O-3",
            facts=[
                {"type": "determination", "on": "2026-03-20", "verdict": "partly_met",
                 "is_final": True, "note": "Some of it."},
            ],
        ),
        as_of=utc("2026-04-01T00:00"),
    )  # fmt: skip
    found = [(each.status, each.is_closed) for each in Deadline.objects.order_by("id")]
    assert found == [("dormant", False), ("superseded", True), ("partly_met", True)]
    assert Agreement.objects.count() == 1


def test_a_month_is_shown_as_a_month_everywhere(api: Client) -> None:
    deadline = create_agreement(obligation(due_on="2026-03"), as_of=utc("2026-05-01T00:00"))
    row = get(api, f"deadlines/{deadline.pk}/")
    assert (row["due_on"], row["due_precision"]) == ("2026-03-31", "month")
    [stored] = rows(api, "obligations/", ref="O-1")
    assert (stored["due"]["on"], stored["due"]["precision"]) == ("2026-03", "month")
    patch(api, f"obligations/{stored['id']}/", {"due": stored["due"]})
    fact = post(api, "facts/", {"deadline": deadline.pk, "type": "performance", "on": "2026-03"})
    assert (fact["on"], fact["precision"], fact["at"]) == ("2026-03", "month", None)
    row = get(api, f"deadlines/{deadline.pk}/")
    assert (row["status"], row["is_ambiguous"]) == ("met", False)
    paragraph = get(api, f"deadlines/{deadline.pk}/why/")["paragraph"]
    assert "Due in March 2026" in paragraph
    assert "In March 2026: " in paragraph
    assert is_intact()


def test_a_year_that_contains_the_due_date_is_ambiguous(api: Client, missed: Deadline) -> None:
    row = record(api, missed, type="performance", on="2026")
    assert (row["status"], row["is_ambiguous"]) == ("met", True)


def test_an_extension_to_a_quarter_shows_the_quarter(api: Client, missed: Deadline) -> None:
    due = {"type": "date", "on": "2099-Q3"}
    row = record(api, missed, type="extension", on="2026-03-01", due=due)
    assert (row["due_on"], row["due_precision"]) == ("2099-09-30", "quarter")


def test_assessors_who_are_not_parties_state_shares(api: Client, missed: Deadline) -> None:
    for code, share in (("A1", 0.4), ("A2", 0.6)):
        party = {"code": code, "name": code, "kind": "organisation", "timezone": "UTC"}
        post(api, "parties/", party)
        position = {
            "deadline": missed.pk, "party": code, "verdict": "partly_met", "share": share,
            "on": "2026-06",
        }  # fmt: skip
        stated = post(api, "positions/", position)
        assert (stated["share"], stated["on"], stated["precision"]) == (share, "2026-06", "month")
    now = get(api, f"deadlines/{missed.pk}/")
    assert now["is_disputed"]
    past = {"as_of": timezone.now().isoformat()}
    assert get(api, f"deadlines/{missed.pk}/", **past)["is_disputed"]
    why = get(api, f"deadlines/{missed.pk}/why/")
    assert "A1 said in June 2026 that it is partly met (40 percent)." in why["paragraph"]


def test_a_position_of_nobody_in_the_register_is_refused(api: Client, missed: Deadline) -> None:
    position = {"deadline": missed.pk, "party": "NOBODY", "verdict": "met", "on": "2026-03-20"}
    assert paths(post(api, "positions/", position, 400)) == {"party"}


def test_a_replacement_cannot_lead_back_to_the_obligation_itself(
    api: Client, missed: Deadline
) -> None:
    other = create_agreement(obligation("O-3"), ref="other")
    second = Deadline.objects.get(obligation__ref="O-2")
    fact = {"type": "replacement", "on": "2026-03-20"}
    post(api, "facts/", {**fact, "deadline": missed.pk, "successor": "O-2"})
    onward = {**fact, "successor": "O-3", "successor_agreement": "other"}
    post(api, "facts/", {**onward, "deadline": second.pk})
    back = {**fact, "deadline": other.pk, "successor": "O-1", "successor_agreement": "supply"}
    refused = post(api, "facts/", back, 400)
    assert paths(refused) == {"successor"}
    assert "O-1 was itself replaced, and O-3 took its place in the end." in refused["detail"]
    [moved] = [row for row in rows(api, "facts/", deadline=second.pk) if row["successor"]]
    post(api, "facts/", {"deadline": second.pk, "type": "retraction", "supersedes": moved["id"]})
    post(api, "facts/", back)


def test_replacements_of_one_document_cannot_form_a_circle(api: Client) -> None:
    ways = {"A": "B", "B": "C", "C": "A"}
    obligations = [
        obligation(ref, facts=[{"type": "replacement", "on": "2026-03-20", "successor": successor}])
        for ref, successor in ways.items()
    ]
    refused = post(api, "agreements/import/", document("circle", *obligations), 400)
    assert "was itself replaced" in refused["errors"][0]["detail"]
    assert not Agreement.objects.exists()
    del obligations[2]["facts"]
    post(api, "agreements/import/", document("circle", *obligations))


@pytest.mark.django_db(transaction=True)
def test_replacements_at_once_cannot_form_a_circle() -> None:
    client = client_of(User.objects.create_superuser("desk@example.org", "secret"))
    create_agreement(obligation("A"), obligation("B"))
    deadlines = {each.obligation.ref: each.pk for each in Deadline.objects.all()}
    bodies = [
        {"type": "replacement", "on": "2026-03-20", "deadline": deadlines[old], "successor": new}
        for old, new in ("AB", "BA")
    ]
    assert sorted(at_once(client, "facts/", bodies)) == [201, 400]


@pytest.mark.django_db(transaction=True)
def test_of_identical_imports_at_once_each_succeeds_and_one_stores() -> None:
    client = client_of(User.objects.create_superuser("desk@example.org", "secret"))
    found = at_once(client, "agreements/import/", [document()] * 3)
    assert sorted(found) == [200, 200, 201]
    assert Agreement.objects.count() == 1


def at_once(client: Client, path: str, bodies: Sequence[Any]) -> list[int]:
    """Post all bodies at the same time, each on a connection of its own; return the statuses."""
    start = Barrier(len(bodies))

    def send(body: Any) -> int:
        try:
            start.wait(10)
            response = client.post(f"/api/v1/{path}", body, content_type="application/json")
            return response.status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(send, bodies))


def test_a_suspension_of_centuries_quarantines_no_deadline(api: Client, missed: Deadline) -> None:
    fact = {"type": "suspension", "on": "2026-01-20", "until": "2200-12-31", "is_tolling": True}
    post(api, f"deadlines/{missed.pk}/what-if/", {"facts": [fact]}, 200)
    row = record(api, missed, **fact)
    assert (row["status"], row["due_on"]) == ("suspended", "2200-12-31")
    post(api, "facts/", {"agreement": "supply", **fact})
    assert not Deadline.objects.exclude(quarantine_error="").exists()
    assert is_intact()
