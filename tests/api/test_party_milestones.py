"""Milestones that each party has on its own, such as its ratification."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.models import Agreement, Alert, Deadline, Party, Subscription
from compliance.operations.deadlines import sweep
from compliance.queries.integrity import tampering
from compliance.queries.system.audit import audit
from tests.api.answers import get, patch, paths, post, rows
from tests.samples import create_agreement, document, load, obligation, utc

RATIFIED: dict[str, Any] = {"ref": "ratified", "dates": [{"party": "CHN", "on": "2099-01-10"}]}
AFTER = {"type": "offset", "from": {"milestone": "ratified"}, "count": 30, "unit": "days"}
TRIGGER = {
    "type": "trigger",
    "on": {"milestone": "ratified"},
    "then": {"count": 30, "unit": "days"},
}
YEARLY = {
    "type": "recurrence", "rrule": "FREQ=YEARLY;COUNT=2", "start": {"milestone": "ratified"},
}  # fmt: skip

IN_TEN_DAYS = {"count": 10, "unit": "days", "timezone": "UTC"}


def dues(api: Client, **query: Any) -> list[tuple[str | None, str | None]]:
    found = rows(api, "deadlines/", ordering="id", **query)
    return [(each["party"], each["due_on"]) for each in found]


def both(**more: Any) -> dict[str, Any]:
    return {**obligation(**more), "obligors": ["CHN", "ACME"], "obligees": ["EU"]}


@pytest.fixture
def treaty(api: Client) -> Agreement:
    post(api, "parties/", {"code": "EU", "name": "EU", "kind": "organisation", "timezone": "UTC"})
    value = document("supply", both(due=AFTER))
    eu = {"code": "EU", "name": "EU", "kind": "organisation", "timezone": "UTC"}
    value["parties"] = [*value["parties"], eu]
    post(api, "agreements/import/", {**value, "milestones": [RATIFIED]})
    return Agreement.objects.get()


def test_each_obligor_has_a_deadline_from_its_own_date(api: Client, treaty: Agreement) -> None:
    assert dues(api) == [("CHN", "2099-02-09"), ("ACME", None)]
    assert dues(api, obligor="ACME") == [("ACME", None)]
    first, second = rows(api, "deadlines/", ordering="id")
    assert (first["obligors"], second["obligors"]) == (["CHN"], ["ACME"])
    assert (first["timezone"], second["status"]) == ("Asia/Shanghai", "dormant")
    trace = get(api, f"deadlines/{first['id']}/")["trace"]
    assert trace[0].startswith("Milestone ratified of CHN was dated 2099-01-10")
    before = timezone.now().isoformat().replace("+00:00", "Z")
    [milestone] = get(api, "agreements/supply/")["milestones"]
    later = [*milestone["dates"], {"party": "ACME", "on": "2099-Q1"}]
    answer = patch(api, "agreements/supply/", {"milestones": [{**milestone, "dates": later}]})
    assert answer["warnings"] == []
    assert dues(api) == [("CHN", "2099-02-09"), ("ACME", "2099-04-30")]
    then = get(api, f"deadlines/{second['id']}/", known_at=before)
    assert (then["status"], then["due_on"]) == ("dormant", None)
    [known] = get(api, "agreements/supply/", known_at=before)["milestones"]
    assert known == milestone
    groups = {each["group"]: each["count"] for each in summary(api)}
    assert groups == {"CHN": 1, "ACME": 1}
    assert tampering.check(as_of=timezone.now()).is_clean


def summary(api: Client) -> Any:
    return get(api, "summary/", group_by="obligor")["results"]


@pytest.mark.parametrize("rule", [TRIGGER, {**TRIGGER, "each": True}])
def test_triggers_count_from_the_date_of_each_party(
    api: Client, treaty: Agreement, rule: dict[str, Any]
) -> None:
    past = {**RATIFIED, "dates": [{"party": "CHN", "on": "2026-11-20"}]}
    patch(api, "agreements/supply/", {"milestones": [past], "confirm": True})
    post(api, "obligations/", {**both(ref="O-2", due=rule), "agreement": "supply"})
    assert dues(api, obligation_ref="O-2") == [("CHN", "2026-12-20"), ("ACME", None)]


def test_an_obligation_of_an_obligor_is_in_the_state_of_its_own_deadline(
    api: Client, treaty: Agreement
) -> None:
    past = {**RATIFIED, "dates": [{"party": "CHN", "on": "2026-01-10"}]}
    patch(api, "agreements/supply/", {"milestones": [past], "confirm": True})
    sweep.run(as_of=timezone.now())
    for path in ("obligations/", "deadlines/", "breaches/"):
        for time in ({}, {"as_of": timezone.now().isoformat().replace("+00:00", "Z")}):
            found = {
                code: len(rows(api, path, obligor=code, is_open="true", **time))
                for code in ("CHN", "ACME")
            }
            assert found == {"CHN": 1, "ACME": 0}, path
    assert len(rows(api, "obligations/", obligor="ACME", status="dormant")) == 1
    assert len(rows(api, "obligations/", obligor="ACME")) == 1


def test_recurrences_start_with_the_date_of_each_party(api: Client, treaty: Agreement) -> None:
    post(api, "obligations/", {**both(ref="O-2", due=YEARLY), "agreement": "supply"})
    near = {**RATIFIED, "dates": [{"party": "ACME", "on": "2026-01-10"}]}
    patch(api, "agreements/supply/", {"milestones": [near], "confirm": True})
    found = dues(api, obligation_ref="O-2")
    assert ("CHN", None) in found
    assert [on for party, on in found if party == "ACME"] == ["2026-01-10", "2027-01-10"]


def test_an_obligor_keeps_its_deadline_when_another_one_leaves(
    api: Client, treaty: Agreement
) -> None:
    [row] = rows(api, "obligations/")
    second = Deadline.objects.get(party__code="ACME")
    patch(api, f"obligations/{row['id']}/", {"obligors": ["ACME"]})
    second.refresh_from_db()
    assert (second.is_withdrawn, second.number) == (False, 2)
    assert Deadline.objects.get(party__code="CHN").is_withdrawn
    fact = {"deadline": second.pk, "type": "trigger", "on": "2026-01-01"}
    post(api, "facts/", {**fact, "confirm": True})
    assert rows(api, "deadlines/", obligor="ACME")[0]["due_on"] == "2026-01-31"


def test_dates_of_parties_are_checked_and_compared(api: Client, treaty: Agreement) -> None:
    def refused(milestone: dict[str, Any]) -> set[str]:
        return paths(patch(api, "agreements/supply/", {"milestones": [milestone]}, 400))

    unknown = {"ref": "ratified", "dates": [{"party": "FRA", "on": "2099-01-10"}]}
    assert refused(unknown) == {"milestones/0/dates/0/party"}
    assert refused({**RATIFIED, "on": "2099-01-01"}) == {"milestones/0"}
    twice = {"ref": "ratified", "dates": RATIFIED["dates"] * 2}
    assert refused(twice) == {"milestones/0/dates"}
    value = document("supply")
    eu = {"code": "EU", "name": "EU", "kind": "organisation", "timezone": "UTC"}
    value |= {"obligations": [both(due=AFTER)], "parties": [*value["parties"], eu]}
    value["milestones"] = [RATIFIED]
    again = post(api, "agreements/import/", value, 200)
    assert again["made"] == again["ignored"] == []
    more = {**RATIFIED, "dates": [*RATIFIED["dates"], {"party": "ACME", "on": "2099-02-01"}]}
    post(api, "agreements/import/", {**value, "milestones": [more]})
    assert dues(api) == [("CHN", "2099-02-09"), ("ACME", "2099-03-03")]


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "offset", "from": {"deadline": "O-1"}, **IN_TEN_DAYS},
        {"type": "trigger", "on": {"breach_of": "O-1"}, "then": IN_TEN_DAYS},
    ],
)
def test_what_counts_from_the_deadline_of_an_obligor_is_due_for_that_obligor(
    api: Client, treaty: Agreement, rule: dict[str, Any]
) -> None:
    for value in (both(ref="O-2", due=rule), {**both(ref="O-3", due=rule), "obligors": ["EU"]}):
        post(api, "obligations/", {**value, "agreement": "supply"})
    assert [party for party, _ in dues(api, obligation_ref="O-2")] == ["CHN", "ACME"]
    assert [party for party, _ in dues(api, obligation_ref="O-3")] == [None, None]
    [row] = rows(api, "deadlines/", obligation_ref="O-2", obligor="CHN")
    assert row["obligors"] == ["CHN"]


def test_a_subscription_to_a_party_hears_of_no_deadline_of_another_obligor(api: Client) -> None:
    value = document("supply", both(due=AFTER))
    eu = {"code": "EU", "name": "EU", "kind": "organisation", "timezone": "UTC"}
    value["parties"] = [*value["parties"], eu]
    days = [{"party": "CHN", "on": "2026-02-10"}, {"party": "ACME", "on": "2026-02-12"}]
    load({**value, "milestones": [{**RATIFIED, "dates": days}]}, as_of=utc("2026-02-01T00:00"))
    emails = {}
    for code in ("CHN", "ACME", "EU"):
        emails[f"{code.lower()}@example.org"] = code
        Subscription.objects.create(
            email=f"{code.lower()}@example.org",
            party=Party.objects.get(code=code),
            since=utc("2026-02-01T00:00"),
        )
    sweep.run(as_of=utc("2026-04-01T00:00"))
    alerted = Alert.objects.filter(kind="missed").values_list("email", "deadline__party__code")
    assert {(emails[email], party) for email, party in alerted} == {
        ("CHN", "CHN"),
        ("ACME", "ACME"),
        ("EU", "CHN"),
        ("EU", "ACME"),
    }
    found = audit(as_of=utc("2026-04-02T00:00")).problems
    assert [each for each in found if each["about"] == "breach"] == []


def test_a_preview_shows_the_deadline_of_one_obligor(api: Client, treaty: Agreement) -> None:
    value = {"rule": AFTER, "agreement": "supply"}
    warnings = post(api, "due-rules/preview/", value, 200)["warnings"]
    assert any("give an obligor" in each for each in warnings)
    found = post(api, "due-rules/preview/", {**value, "obligor": "CHN"}, 200)
    assert found["dates"] == ["2099-02-09"]


def test_merged_parties_keep_their_deadlines(api: Client, treaty: Agreement) -> None:
    post(api, "parties/", {"code": "PRC", "name": "PRC", "kind": "state", "timezone": "UTC"})
    post(api, "parties/CHN/merge/", {"into": "PRC", "reason": "A duplicate."}, 200)
    assert ("PRC", "2099-02-09") in dues(api)
    [milestone] = get(api, "agreements/supply/")["milestones"]
    assert [each["party"] for each in milestone["dates"]] == ["PRC"]


def test_an_ordinary_milestone_gives_all_obligors_one_deadline(api: Client) -> None:
    create_agreement(obligation(due=AFTER), milestones=[{"ref": "ratified", "on": "2099-01-10"}])
    assert dues(api) == [(None, "2099-02-09")]


def test_a_document_says_when_each_date_of_a_milestone_became_known(api: Client) -> None:
    moved = {
        "ref": "ratified",
        "on": "2026-04-10",
        "recorded_at": "2026-04-02T00:00:00Z",
        "earlier": [
            {"on": "2026-03-10", "recorded_at": "2026-02-01T00:00:00Z"},
            {"recorded_at": "2026-03-05T00:00:00Z"},
            {"on": "2026-05", "recorded_at": "2026-03-20T00:00:00Z"},
        ],
    }
    value = {**document("supply", obligation(due=AFTER)), "recorded_at": "2026-01-01T00:00:00Z"}
    post(api, "agreements/import/", {**value, "milestones": [moved]})
    [row] = rows(api, "deadlines/")
    known = {
        month_and_day: get(
            api, f"deadlines/{row['id']}/", known_at=f"2026-{month_and_day}T00:00:00Z"
        )["due_on"]
        for month_and_day in ("01-15", "02-10", "03-10", "03-25", "04-03")
    }
    assert known == {
        "01-15": None,
        "02-10": "2026-04-09",
        "03-10": None,
        "03-25": "2026-06-30",
        "04-03": "2026-05-10",
    }
    wrong = {**moved, "earlier": moved["earlier"][::-1]}
    answer = post(api, "agreements/import/", {**value, "milestones": [wrong]}, 400)
    assert paths(answer) == {"milestones/0"}
    undated = {**moved, "recorded_at": None}
    answer = post(api, "agreements/import/", {**value, "milestones": [undated]}, 400)
    assert paths(answer) == {"milestones/0"}
    future = [{"recorded_at": "2999-01-01T00:00:00Z"}]
    late = {**moved, "recorded_at": "2999-02-01T00:00:00Z", "earlier": future}
    answer = post(api, "agreements/import/", {**value, "milestones": [late]}, 400)
    assert paths(answer) == {
        "milestones/0/recorded_at",
        "milestones/0/earlier/0/recorded_at",
    }
    again = post(api, "agreements/import/", {**value, "milestones": [moved]}, 200)
    assert again["made"] == again["ignored"] == []
    assert tampering.check(as_of=timezone.now()).is_clean


def test_a_document_says_when_the_date_of_each_party_became_known(api: Client) -> None:
    value = document("supply", both(due=AFTER))
    eu = {"code": "EU", "name": "EU", "kind": "organisation", "timezone": "UTC"}
    value |= {"parties": [*value["parties"], eu], "recorded_at": "2026-01-01T00:00:00Z"}
    dates = [
        {"party": "CHN", "on": "2026-02-10", "recorded_at": "2026-02-12T00:00:00Z"},
        {"party": "ACME", "on": "2026-02-12", "recorded_at": "2026-03-01T00:00:00Z"},
    ]
    post(api, "agreements/import/", {**value, "milestones": [{"ref": "ratified", "dates": dates}]})
    for at, known in (
        ("2026-02-01", []),
        ("2026-02-13", ["CHN"]),
        ("2026-03-02", ["ACME", "CHN"]),
    ):
        moment = {"known_at": f"{at}T00:00:00Z"}
        [milestone] = get(api, "agreements/supply/", **moment)["milestones"]
        assert [each["party"] for each in milestone["dates"] or []] == known
        due = {each["party"]: each["due_on"] for each in rows(api, "deadlines/", **moment)}
        assert [party for party in ("ACME", "CHN") if due.get(party)] == known
