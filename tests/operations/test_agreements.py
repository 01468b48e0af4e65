"""Creating agreements: which values are refused, at which path, and that nothing is stored then."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from compliance.domain.agreements.drafts import AgreementDraft, ObligationDraft, PartyDraft
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.models import Agreement, Deadline, Evidence, Fact, Obligation, Party, Position
from compliance.operations.agreements import agreements, documents, obligations, parties
from tests.samples import (
    BUYER,
    SUPPLIER,
    create_agreement,
    document,
    load,
    obligation,
    record,
    state_position,
    utc,
)

NOW = utc("2026-02-01T00:00")


def problems(value: dict[str, Any]) -> dict[str, str]:
    """Return the problems of a document by path; assert that it stores nothing."""
    with pytest.raises(Invalid) as refused, transaction.atomic():
        load(value, as_of=NOW)
    for model in (Agreement, Obligation, Deadline, Party, Evidence, Fact):
        assert not model.objects.exists(), model
    return {problem.path: problem.detail for problem in refused.value.problems}


@pytest.mark.django_db
def test_loading_a_document_twice_changes_nothing() -> None:
    value = document(
        "supply",
        obligation(
            facts=[{"type": "performance", "on": "2026-01-20", "evidence": ["E1"]}],
            positions=[{"party": "ACME", "verdict": "met", "on": "2026-01-21"}],
        ),
        evidence=[
            {
                "ref": "E1",
                "title": "Bill",
                "kind": "document",
                "stance": "for",
                "obligations": ["O-1"],
            }
        ],
    )
    from compliance.domain.agreements.document_drafts import AgreementDocument

    checked = read(AgreementDocument, value)
    first = documents.load(document=checked, by=None, as_of=NOW)
    second = documents.load(document=checked, by=None, as_of=NOW)
    assert (first.is_changed, second.is_changed) == (True, False)
    assert (Fact.objects.count(), Position.objects.count(), Evidence.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
def test_a_fact_added_to_a_document_is_added_to_the_stored_agreement() -> None:
    create_agreement()
    partly = {"type": "performance", "on": "2026-01-20"}
    load(document("supply", obligation(facts=[partly])), as_of=NOW)
    assert Deadline.objects.get().status == "met"


@pytest.mark.django_db
def test_an_obligor_that_is_not_a_party_is_refused_at_its_path() -> None:
    found = problems(document("supply", obligation(obligors=["NOBODY"])))
    sentence = "NOBODY is not a party to supply: add it to the parties."
    assert found == {"obligations/0/obligors/0": sentence}


@pytest.mark.django_db
def test_all_problems_of_a_document_are_reported_together() -> None:
    found = problems(
        document(
            "supply",
            obligation("O-1", obligees=["X"]),
            obligation("O-2", parent="O-9"),
            obligation(
                "O-3", due={"type": "date", "on": "2026-03-29", "time": "02:30", "timezone": None}
            ),
            timezone="Europe/Berlin",
        )
    )
    assert set(found) == {
        "obligations/0/obligees/0",
        "obligations/1/parent",
        "obligations/2/due/time",
    }


@pytest.mark.django_db
def test_a_cycle_of_components_is_refused_at_its_path() -> None:
    found = problems(
        document(
            "supply",
            obligation("A", parent="B"),
            obligation("B", parent="C"),
            obligation("C", parent="A"),
        )
    )
    assert "A > B > C > A" in found["obligations/0/parent"]


@pytest.mark.django_db
def test_obligors_in_two_zones_need_an_explicit_zone() -> None:
    both = obligation(obligors=["CHN", "ACME"])
    assert set(problems(document("supply", both))) == {"obligations/0/due/timezone"}


@pytest.mark.django_db
def test_the_zone_of_the_rule_overrides_the_agreement_which_overrides_the_obligor() -> None:
    named = {"type": "date", "on": "2026-03-15", "timezone": "America/New_York"}
    create_agreement(obligation("O-1", due=named), obligation("O-2"), timezone="Europe/Berlin")
    create_agreement(obligation("O-3"), ref="other")
    assert dict(Deadline.objects.values_list("obligation__ref", "due_at")) == {
        "O-1": utc("2026-03-16T04:00"),
        "O-2": utc("2026-03-15T23:00"),
        "O-3": utc("2026-03-15T16:00"),
    }


@pytest.mark.django_db
def test_grace_in_business_days_uses_the_calendars_of_the_agreement() -> None:
    five_days = {"count": 1, "unit": "business_days"}
    deadline = create_agreement(
        obligation(due_on="2026-10-02", grace=five_days), timezone="Europe/Berlin", calendars=["DE"]
    )
    # 3 October is a holiday and a Saturday; Monday the 5th is the first business day.
    assert deadline.due_at == utc("2026-10-02T22:00")
    assert deadline.unmet_at == utc("2026-10-05T22:00")


@pytest.mark.django_db
def test_facts_about_an_obligation_without_a_due_rule_are_refused() -> None:
    bare = obligation(due=None, facts=[{"type": "performance", "on": "2026-01-20"}])
    assert set(problems(document("supply", bare))) == {"obligations/0/due"}


@pytest.mark.django_db
def test_a_document_cannot_change_the_zone_of_a_party_to_other_agreements() -> None:
    create_agreement()
    moved = document("other")
    moved["parties"] = [BUYER, {**SUPPLIER, "timezone": "Asia/Tokyo"}]
    with pytest.raises(Invalid) as refused:
        load(moved, as_of=NOW)
    assert refused.value.problems[0].path == "parties/1/timezone"
    assert not Agreement.objects.filter(ref="other").exists()


@pytest.mark.django_db
def test_correcting_the_zone_of_a_party_moves_its_deadlines() -> None:
    deadline = create_agreement()
    supplier = Party.objects.get(code="CHN")
    draft = read(PartyDraft, {**SUPPLIER, "timezone": "Asia/Tokyo"})
    parties.update(party=supplier, draft=draft, as_of=NOW)
    deadline.refresh_from_db()
    assert deadline.due_at == utc("2026-03-15T15:00")
    assert deadline.timezone == "Asia/Tokyo"


@pytest.mark.django_db
def test_reloading_a_document_after_a_zone_correction_adds_nothing() -> None:
    value = document("supply", obligation(facts=[{"type": "performance", "on": "2026-01-20"}]))
    agreement = load(value, as_of=NOW)
    corrected = {
        "ref": "supply",
        "title": "Supply",
        "kind": "contract",
        "signed_on": "2026-01-10",
        "timezone": "Europe/Berlin",
        "parties": [{"code": "ACME"}, {"code": "CHN"}],
    }
    agreements.update(agreement=agreement, draft=read(AgreementDraft, corrected), as_of=NOW)
    assert Deadline.objects.get().status_since == utc("2026-01-19T23:00")
    load(value, as_of=NOW)
    assert Fact.objects.count() == 1


@pytest.mark.django_db
def test_a_party_to_an_obligation_cannot_be_removed() -> None:
    agreement = create_agreement().agreement
    draft = read(
        AgreementDraft,
        {
            "ref": "supply",
            "title": "T",
            "kind": "contract",
            "parties": [{"code": "ACME"}],
        },
    )
    with pytest.raises(Invalid, match="CHN owes or is owed obligation O-1"):
        agreements.update(agreement=agreement, draft=draft, as_of=NOW)


@pytest.mark.django_db
def test_the_database_refuses_an_obligor_that_is_not_a_party() -> None:
    deadline = create_agreement()
    stranger = Party.objects.create(code="X", name="X", kind="state", timezone="UTC")
    deadline.obligation.sides.create(
        agreement=deadline.agreement, party=stranger, capacity="obligor"
    )
    with pytest.raises(IntegrityError, match="obligationparty_is_party"):
        connection.check_constraints()


@pytest.mark.django_db
def test_storing_an_obligation_is_atomic() -> None:
    agreement = create_agreement().agreement
    draft = read(ObligationDraft, obligation("O-2", parent="O-7"))
    with pytest.raises(Invalid):
        obligations.create(agreement=agreement, draft=draft, as_of=NOW)
    assert Obligation.objects.count() == 1


@pytest.mark.django_db
def test_adding_a_due_rule_creates_a_deadline() -> None:
    agreement = create_agreement(obligation("O-1"), obligation("O-2", due=None)).agreement
    second = agreement.obligations.get(ref="O-2")
    obligations.update(obligation=second, draft=read(ObligationDraft, obligation("O-2")), as_of=NOW)
    assert second.deadlines.get().status == "pending"


@pytest.mark.django_db
def test_contradictory_positions_create_a_dispute_and_agreement_ends_it() -> None:
    deadline = create_agreement()
    state_position(deadline, as_of=NOW, party="ACME", verdict="not_met", on="2026-01-20")
    assert not deadline.is_disputed
    state_position(deadline, as_of=NOW, party="CHN", verdict="met", on="2026-01-21")
    assert deadline.is_disputed
    assert deadline.status == "pending"
    state_position(deadline, as_of=NOW, party="ACME", verdict="met", on="2026-01-25")
    assert not deadline.is_disputed


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"type": "performance", "on": "2026-02-03"}, "on"),
        ({"type": "performance", "at": "2026-02-01T01:00:00Z"}, "at"),
        ({"type": "performance", "on": "2026-01-20", "quantity": "5"}, "quantity"),
        ({"type": "performance", "on": "2026-01-20", "evidence": ["E9"]}, "evidence/0"),
        ({"type": "retraction", "supersedes": 4711}, "supersedes"),
        (
            {
                "type": "extension",
                "on": "2026-01-20",
                "due": {
                    "type": "date",
                    "on": "2026-03-08",
                    "time": "02:30",
                    "timezone": "America/New_York",
                },
            },
            "due/time",
        ),
    ],
)
def test_an_impossible_fact_is_refused_at_the_field(fields: dict[str, Any], path: str) -> None:
    deadline = create_agreement()
    with pytest.raises(Invalid) as refused:
        record(deadline, as_of=NOW, **fields)
    assert [problem.path for problem in refused.value.problems] == [path]
    assert not Fact.objects.exists()


@pytest.mark.django_db
def test_a_superseded_fact_cannot_be_superseded_again() -> None:
    deadline = create_agreement()
    wrong = record(deadline, as_of=NOW, type="performance", on="2026-01-20")
    record(deadline, as_of=NOW, type="retraction", supersedes=wrong.pk)
    with pytest.raises(Invalid, match="already superseded"):
        record(deadline, as_of=NOW, type="retraction", supersedes=wrong.pk)
    assert deadline.status == "pending"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda: Party.objects.filter(code="CHN").update(name="PRC"),
        lambda: Agreement.objects.update(title="Other"),
        lambda: Obligation.objects.update(severity="critical"),
        lambda: connection.cursor().execute("UPDATE compliance_party SET name = 'PRC'"),
    ],
    ids=["party", "agreement", "obligation", "raw SQL"],
)
def test_bulk_and_raw_changes_are_recorded_in_the_history(change: Any) -> None:
    import pghistory.models

    create_agreement()
    before = pghistory.models.Events.objects.filter(pgh_label="update").count()
    change()
    assert pghistory.models.Events.objects.filter(pgh_label="update").count() > before
