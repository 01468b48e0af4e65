"""Milestones are dated, and terms are corrected, without losing what was said before."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import ProgrammingError, transaction

from compliance.domain.deadlines.scheduling import ScheduledTerms
from compliance.domain.due_dates.due_rules import dump_due_rule
from compliance.domain.due_dates.rule_types import DateRule
from compliance.models import Agreement, Correction, Deadline, MilestoneDating, Obligation
from tests.samples import (
    create_agreement,
    document,
    load,
    obligation,
    update_agreement,
    update_obligation,
    utc,
)

pytestmark = pytest.mark.django_db

AFTER_ENTRY = {"type": "offset", "from": {"milestone": "M"}, "count": 30, "unit": "days"}
FEBRUARY, MARCH = utc("2026-02-01T00:00"), utc("2026-03-01T00:00")


def datings() -> list[tuple[str, str | None, object, bool]]:
    return [
        (each.ref, str(each.on) if each.on else None, each.recorded_at, each.is_removed)
        for each in MilestoneDating.objects.all()
    ]


def test_each_date_of_a_milestone_is_kept_with_its_recorded_time() -> None:
    create_agreement(milestones=[{"ref": "M"}], as_of=FEBRUARY)
    update_agreement(milestones=[{"ref": "M", "on": "2026-02-20"}], as_of=MARCH)
    update_agreement(milestones=[{"ref": "M", "on": "2026-02-20"}], as_of=utc("2026-03-02T00:00"))
    update_agreement(milestones=[], as_of=utc("2026-03-03T00:00"))
    assert datings() == [
        ("M", None, FEBRUARY, False),
        ("M", "2026-02-20", MARCH, False),
        ("M", None, utc("2026-03-03T00:00"), True),
    ]
    with pytest.raises(ProgrammingError, match="Cannot update rows"), transaction.atomic():
        MilestoneDating.objects.update(title="other")
    with pytest.raises(ProgrammingError, match="Cannot delete rows"), transaction.atomic():
        MilestoneDating.objects.all().delete()


def test_the_trace_says_when_a_milestone_was_dated_and_recorded() -> None:
    deadline = create_agreement(
        obligation(due=AFTER_ENTRY), milestones=[{"ref": "M"}], as_of=FEBRUARY
    )
    update_agreement(milestones=[{"ref": "M", "on": "2026-02-20"}], as_of=MARCH)
    deadline.refresh_from_db()
    assert deadline.trace[0] == "Milestone M was dated 2026-02-20, recorded 2026-03-01."
    [correction] = Correction.objects.filter(deadline=deadline)
    assert (correction.recorded_at, correction.before["original_due_on"]) == (MARCH, None)


def test_a_document_says_when_its_parts_became_known() -> None:
    value = document(
        "supply",
        obligation("EARLY", due=AFTER_ENTRY),
        obligation("LATE", "2026-05-01", recorded_at="2026-02-15T00:00:00Z"),
        milestones=[{"ref": "M", "on": "2026-02-10", "recorded_at": "2026-02-12T00:00:00Z"}],
        recorded_at="2026-02-01T00:00:00Z",
    )
    agreement = load(value, as_of=MARCH)
    assert agreement.recorded_at == FEBRUARY
    assert dict(agreement.obligations.values_list("ref", "recorded_at")) == {
        "EARLY": FEBRUARY,
        "LATE": utc("2026-02-15T00:00"),
    }
    assert datings() == [
        ("M", None, FEBRUARY, False),
        ("M", "2026-02-10", utc("2026-02-12T00:00"), False),
    ]


def test_the_day_of_signature_does_not_say_when_a_milestone_was_recorded() -> None:
    done = {"type": "performance", "on": "2026-02-20", "recorded_at": "2026-02-21T00:00:00Z"}
    value = document(
        "supply",
        obligation(due=AFTER_ENTRY, facts=[done]),
        milestones=[{"ref": "M", "on": "2026-02-10"}],
    )
    load(value, as_of=MARCH)
    assert [at for _, on, at, _ in datings() if on is not None] == [MARCH]
    deadline = Deadline.objects.get()
    assert deadline.trace[0] == "Milestone M was dated 2026-02-10, recorded 2026-03-01."


def test_a_correction_keeps_every_term_and_nothing_else() -> None:
    """A new column is kept unless it is excluded, and everything that is kept can be restored."""
    create_agreement(obligation(), as_of=FEBRUARY)
    update_agreement(title="other", as_of=MARCH)
    update_obligation(obligation(title="other", binds_on="2026-02-01"), as_of=MARCH)
    kept = {
        name: set(Correction.objects.filter(**{f"{name}__isnull": False}).first().before)  # type: ignore[union-attr]  # there is one
        for name in ("agreement", "obligation", "deadline")
    }
    columns = {
        model: {each.name for each in model._meta.concrete_fields}
        for model in (Agreement, Obligation, Deadline)
    }
    assert kept["agreement"] - {"parties"} == columns[Agreement] - {
        "id", "ref", "facts_head", "created_at", "recorded_at", "archived_at", "archived_by",
        "archive_reason", "visibility",
    }  # fmt: skip
    assert kept["obligation"] - {"obligors", "obligees"} == columns[Obligation] - {
        "id", "ref", "agreement", "recorded_at",
    }  # fmt: skip
    # The party of a deadline never changes.
    draft = ScheduledTerms.__dataclass_fields__.keys() - {"party"}
    assert kept["deadline"] <= columns[Deadline]
    assert {name for name in draft if name in columns[Deadline]} <= kept["deadline"]


def test_a_correction_keeps_what_was_said_before() -> None:
    create_agreement(obligation(), as_of=FEBRUARY)
    update_obligation(obligation(due_on="2026-04-01", title="Deliver everything"), as_of=MARCH)
    update_obligation(obligation(due_on="2026-04-01", title="Deliver everything"), as_of=MARCH)
    [correction] = Correction.objects.filter(obligation__isnull=False)
    assert correction.recorded_at == MARCH
    before = {name: correction.before[name] for name in ("title", "due", "obligors")}
    assert before == {
        "title": "Deliver lot O-1",
        "due": dump_due_rule(DateRule(type="date", on=date(2026, 3, 15))),
        "obligors": ["CHN"],
    }
    [former] = Correction.objects.filter(deadline=Deadline.objects.get())
    assert former.before["original_due_on"] == "2026-03-15"
    update_agreement(title="Supply of 2026", as_of=MARCH)
    [correction] = Correction.objects.filter(agreement=Agreement.objects.get())
    assert correction.before["title"] == "Agreement supply"
    assert correction.before["parties"] == [
        {"code": "ACME", "role": ""},
        {"code": "CHN", "role": ""},
    ]
