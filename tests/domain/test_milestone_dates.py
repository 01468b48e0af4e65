"""Milestones whose date follows from others by a rule of their own."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from compliance.domain.agreements.milestone_dates import dated_by_rules
from compliance.domain.agreements.milestone_drafts import MilestoneDraft
from compliance.domain.drafts import read
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.periods import Event
from compliance.domain.problems import Invalid

CONTEXT = ResolutionContext(timezone="UTC")
SECOND_MONTH = {
    "type": "offset", "from": {"milestone": "deposit"}, "count": 2, "unit": "months",
    "on_day": {"day": 1, "of": "month"},
}  # fmt: skip


def milestones(*values: dict[str, Any], context: ResolutionContext = CONTEXT) -> dict[str, Any]:
    """The days of milestones by ref."""
    drafts = [read(MilestoneDraft, value) for value in values]
    return {each.ref: each.on and str(each.on) for each in dated_by_rules(drafts, context)}


def test_a_treaty_enters_into_force_on_the_first_day_of_the_second_month_following() -> None:
    in_force = {"ref": "in-force", "due": SECOND_MONTH}
    deposit = {"ref": "deposit", "on": "2026-03-17"}
    assert milestones(in_force, deposit)["in-force"] == "2026-05-01"
    assert milestones(in_force, {"ref": "deposit"})["in-force"] is None
    stored = ResolutionContext(timezone="UTC", milestones={"deposit": Event(on=date(2026, 12, 31))})
    assert milestones(in_force, context=stored) == {"in-force": "2027-02-01"}


def test_milestones_follow_in_chains_whatever_their_order() -> None:
    review = {
        "ref": "review",
        "due": {"type": "offset", "from": {"milestone": "in-force"}, "count": 1, "unit": "years"},
    }
    found = milestones(
        review, {"ref": "in-force", "due": SECOND_MONTH}, {"ref": "deposit", "on": "2026-03-17"}
    )
    assert found["review"] == "2027-05-01"


def test_milestones_that_count_from_each_other_are_refused() -> None:
    with pytest.raises(Invalid, match="depend on each other"):
        milestones(
            {"ref": "deposit", "due": {**SECOND_MONTH, "from": {"milestone": "in-force"}}},
            {"ref": "in-force", "due": SECOND_MONTH},
        )
    with pytest.raises(Invalid, match="milestones/0/due/from/milestone: There is no milestone"):
        milestones({"ref": "in-force", "due": SECOND_MONTH})


@pytest.mark.parametrize(
    "value",
    [
        {"due": {"type": "date", "on": "2026-01-01"}},
        {"due": {**SECOND_MONTH, "from": {"deadline": "A"}}},
        {"due": {"type": "offset", "from": {"milestone": "deposit"}, "count": 1, "unit": "hours"}},
        {"due": SECOND_MONTH, "at": "2026-01-01T00:00:00Z"},
    ],
)
def test_a_milestone_counts_only_days_from_another_milestone(value: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read(MilestoneDraft, {"ref": "in-force", **value})
