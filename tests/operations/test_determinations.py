"""A determination immediately affects status, verification and breaches."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.domain.problems import Invalid
from compliance.models import Breach, Deadline, Fact
from compliance.operations.deadlines import sweep
from tests.samples import create_agreement, obligation, record, utc
from tests.shared_worlds import in_one_world

PAST = utc("2026-02-01T00:00")
NOW = utc("2026-03-20T00:00")


@pytest.fixture
def missed(db: None) -> Deadline:
    """A deadline of 100 t that passed unmet on 15 March 2026."""
    deadline = create_agreement(obligation(target_quantity=100, unit="t"), as_of=PAST)
    sweep.run(as_of=NOW)
    deadline.refresh_from_db()
    return deadline


def determine(deadline: Deadline, verdict: str, on: str = "2026-03-18", **more: Any) -> Fact:
    """Record a determination."""
    return record(
        deadline,
        as_of=NOW,
        type="determination",
        verdict=verdict,
        on=on,
        note="On the customs records.",
        **more,
    )


def stored(deadline: Deadline) -> tuple[object, ...]:
    """Return the stored state of a deadline."""
    row = Deadline.objects.get(pk=deadline.pk)
    breaches = Breach.objects.filter(deadline=row).order_by("id")
    return (
        row.status, row.status_since, row.verification, row.performed_quantity,
        list(breaches.values_list("occurred_at", "ended_at", "end_reason")),
    )  # fmt: skip


@in_one_world(
    ("verdict", "more", "status", "verification"),
    [
        ("met", {}, "met_late", "confirmed"),
        ("met", {"on": "2026-03-15"}, "met", "confirmed"),
        ("partly_met", {"share": "0.4"}, "partly_met", "confirmed"),
        ("partly_met", {"quantity": "40"}, "partly_met", "confirmed"),
        ("not_met", {}, "unmet", "confirmed"),
        ("undetermined", {}, "unmet", "checked"),
    ],
)
def test_status_and_verification_follow_a_determination(
    missed: Deadline, verdict: str, more: dict[str, Any], status: str, verification: str
) -> None:
    determine(missed, verdict, **more)
    assert (missed.status, missed.verification) == (status, verification)
    if verdict == "partly_met":
        assert missed.performed_quantity == 40


@pytest.mark.parametrize("performance", ["2026-03-10", "2026-03-17", None])
def test_a_retracted_determination_leaves_everything_as_it_was(
    missed: Deadline, performance: str | None
) -> None:
    if performance:
        record(missed, as_of=NOW, type="performance", on=performance)
    before = stored(missed)
    for verdict, more in (("not_met", {}), ("partly_met", {"share": "0.4"}), ("undetermined", {})):
        fact = determine(missed, verdict, **more)
        assert stored(missed) != before
        record(missed, as_of=NOW, type="retraction", supersedes=fact.pk)
        assert stored(missed)[:5] == before[:5], verdict
    assert Fact.objects.filter(kind="determination").count() == 3


def test_a_determination_of_not_met_reopens_a_performed_deadline(missed: Deadline) -> None:
    record(missed, as_of=NOW, type="performance", on="2026-03-10")
    assert missed.status == "met"
    determine(missed, "not_met")
    assert missed.status == "unmet"
    assert Breach.objects.filter(deadline=missed, ended_at=None).count() == 1


def test_a_superseded_determination_stays_on_record(missed: Deadline) -> None:
    first = determine(missed, "not_met")
    second = determine(missed, "met", on="2026-03-14", supersedes=first.pk)
    assert missed.status == "met"
    assert Fact.objects.get(pk=first.pk).verdict == "not_met"
    assert second.supersedes == first


@pytest.mark.parametrize("kind", ["maintain", "refrain"])
@pytest.mark.parametrize(("verdict", "more"), [("not_met", {}), ("partly_met", {"share": "0.5"})])
def test_a_maintained_period_can_be_determined_as_not_met(
    db: None, kind: str, verdict: str, more: dict[str, Any]
) -> None:
    deadline = create_agreement(obligation(kind=kind), as_of=PAST)
    determine(deadline, verdict, on="2026-03-10", **more)
    deadline.refresh_from_db()
    expected = "unmet" if verdict == "not_met" else "partly_met"
    assert (deadline.status, deadline.is_closed) == (expected, False)


def test_a_final_determination_closes_the_deadline_and_ends_its_breach(missed: Deadline) -> None:
    determine(missed, "not_met", is_final=True)
    missed.refresh_from_db()
    assert (missed.status, missed.is_closed, missed.next_check_at) == ("unmet", True, None)
    assert [each.end_reason for each in missed.breaches.all()] == ["determined"]


def test_a_determination_can_confirm_a_maintained_period(db: None) -> None:
    deadline = create_agreement(obligation(kind="maintain"), as_of=PAST)
    sweep.run(as_of=NOW)
    determine(deadline, "met")
    assert (deadline.status, deadline.verification) == ("met", "confirmed")


@pytest.mark.parametrize("quantity", [100, 101])
def test_the_full_quantity_cannot_be_determined_as_partly_met(
    missed: Deadline, quantity: int
) -> None:
    with pytest.raises(Invalid, match="Determine that the obligation was met"):
        determine(missed, "partly_met", quantity=quantity)
