"""Parents that are met when enough of their components are."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.domain.problems import Invalid
from compliance.models import Breach, Deadline, Dependency, LedgerEntry
from compliance.operations.deadlines import sweep
from tests.samples import (
    create_agreement,
    deadline_of,
    document,
    load,
    obligation,
    record,
    update_obligation,
    utc,
)

pytestmark = pytest.mark.django_db

NOW = utc("2026-03-01T00:00")
LATER = utc("2026-04-01T00:00")


def parent(**more: Any) -> dict[str, Any]:
    return obligation("WHOLE", "2026-03-20", **more)


def parts(count: int = 3, **more: Any) -> list[dict[str, Any]]:
    return [obligation(f"P-{n}", "2026-03-15", parent="WHOLE", **more) for n in range(1, count + 1)]


def done(ref: str, day: str, *, as_of: Any = LATER) -> None:
    record(deadline_of(ref), as_of=as_of, type="performance", on=day)


def statuses_of(ref: str) -> list[tuple[str, str]]:
    """Return the statuses and reasons in the ledger of a deadline, oldest first."""
    rows = LedgerEntry.objects.filter(deadline=deadline_of(ref)).order_by("recorded_at", "id")
    return [(row.status, row.reason) for row in rows]


def test_a_parent_is_met_when_its_last_component_is_met() -> None:
    create_agreement(parent(), *parts(), as_of=NOW)
    for ref in ("P-1", "P-2"):
        done(ref, "2026-03-05", as_of=utc("2026-03-06T00:00"))
    whole = deadline_of("WHOLE")
    assert whole.status == "pending"
    assert [whole.performed_quantity, whole.target_quantity] == [2, 3]
    done("P-3", "2026-03-07", as_of=utc("2026-03-08T00:00"))
    whole = deadline_of("WHOLE")
    assert (whole.status, whole.status_since) == ("met", utc("2026-03-06T16:00"))
    assert statuses_of("WHOLE")[-1] == ("met", "component_done")


def test_a_parent_whose_component_is_missing_is_partly_met_from_its_own_due_date() -> None:
    create_agreement(parent(), *parts(), as_of=NOW)
    done("P-1", "2026-03-05", as_of=utc("2026-03-06T00:00"))
    sweep.run(as_of=LATER)
    whole = deadline_of("WHOLE")
    assert (whole.status, whole.status_since) == ("partly_met", utc("2026-03-20T16:00"))
    for ref in ("P-2", "P-3"):
        done(ref, "2026-03-25")
    whole = deadline_of("WHOLE")
    assert (whole.status, whole.status_since) == ("met_late", utc("2026-03-24T16:00"))
    [breach] = Breach.objects.filter(deadline=whole)
    assert (breach.ended_at, breach.end_reason) == (utc("2026-03-24T16:00"), "performed")


def test_a_retracted_performance_of_a_component_reopens_the_parent() -> None:
    create_agreement(parent(), *parts(1), as_of=NOW)
    fact = record(deadline_of("P-1"), as_of=NOW, type="performance", on="2026-02-20")
    assert deadline_of("WHOLE").status == "met"
    record(deadline_of("P-1"), as_of=LATER, type="retraction", supersedes=fact.pk)
    assert deadline_of("WHOLE").status == "unmet"


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        ({"roll_up": "any"}, 1),
        ({"roll_up": "share", "roll_up_share": "0.5"}, 2),
        ({"roll_up": "share", "roll_up_share": "0.34"}, 2),
        ({"roll_up": "all"}, 3),
    ],
)
def test_a_parent_is_met_when_as_many_components_are_met_as_the_rule_requires(
    rule: dict[str, Any], count: int
) -> None:
    create_agreement(parent(**rule), *parts(), as_of=NOW)
    for number in range(1, 4):
        assert deadline_of("WHOLE").status == ("met" if number > count else "pending")
        done(f"P-{number}", f"2026-03-0{number}", as_of=utc("2026-03-10T00:00"))
    assert deadline_of("WHOLE").status_since == utc(f"2026-03-0{count}T00:00").replace(
        hour=16, day=count - 1 or 28, month=2 if count == 1 else 3
    )


def test_a_waived_component_need_not_be_performed() -> None:
    create_agreement(parent(), *parts(2), as_of=NOW)
    done("P-1", "2026-03-05", as_of=utc("2026-03-06T00:00"))
    record(deadline_of("P-2"), as_of=utc("2026-03-08T00:00"), type="waiver", on="2026-03-07")
    whole = deadline_of("WHOLE")
    assert whole.status == "met"
    assert whole.target_quantity == 1


def test_a_parent_whose_components_are_all_waived_is_waived() -> None:
    create_agreement(parent(), *parts(1), as_of=NOW)
    record(deadline_of("P-1"), as_of=utc("2026-03-08T00:00"), type="waiver", on="2026-03-07")
    assert deadline_of("WHOLE").status == "waived"
    sweep.run(as_of=LATER)
    assert not Breach.objects.exists()


def test_performing_the_parent_itself_meets_it() -> None:
    create_agreement(parent(), *parts(), as_of=NOW)
    record(deadline_of("WHOLE"), as_of=LATER, type="performance", on="2026-03-10")
    assert deadline_of("WHOLE").status == "met"


def test_components_of_components_count_through_a_parent_without_a_date() -> None:
    create_agreement(
        parent(),
        obligation("MIDDLE", due=None, parent="WHOLE"),
        obligation("LEAF-1", "2026-03-15", parent="MIDDLE"),
        obligation("LEAF-2", "2026-03-15", parent="MIDDLE"),
        as_of=NOW,
    )
    for ref in ("LEAF-1", "LEAF-2"):
        assert deadline_of("WHOLE").status == "pending"
        done(ref, "2026-03-05", as_of=utc("2026-03-06T00:00"))
    assert deadline_of("WHOLE").status == "met"


def test_the_quantity_of_a_parent_is_not_replaced_by_the_count_of_components() -> None:
    create_agreement(parent(target_quantity=10, unit="t"), *parts(1), as_of=NOW)
    done("P-1", "2026-02-20", as_of=NOW)
    whole = deadline_of("WHOLE")
    assert whole.status == "pending"
    assert whole.target_quantity == 10


def test_a_component_added_later_counts() -> None:
    create_agreement(parent(), *parts(1), as_of=NOW)
    done("P-1", "2026-02-20", as_of=NOW)
    assert deadline_of("WHOLE").status == "met"
    load(document("supply", parent(), *parts(2)), as_of=NOW)
    assert deadline_of("WHOLE").status == "pending"


def test_a_component_that_moves_to_another_parent_counts_there() -> None:
    create_agreement(
        parent(),
        obligation("OTHER", "2026-03-25"),
        *parts(2),
        as_of=NOW,
    )
    done("P-1", "2026-02-20", as_of=NOW)
    assert deadline_of("WHOLE").target_quantity == 2
    update_obligation(obligation("P-2", "2026-03-15", parent="OTHER"), as_of=NOW)
    assert deadline_of("WHOLE").status == "met"
    assert deadline_of("OTHER").status == "pending"
    assert deadline_of("OTHER").target_quantity == 1


def test_a_remedy_activates_when_components_of_an_undated_parent_fail() -> None:
    remedy = {
        "type": "trigger",
        "on": {"breach_of": "SUM"},
        "then": {"type": "offset", "count": 10, "unit": "days"},
    }
    create_agreement(
        obligation("SUM", due=None),
        obligation("A", "2026-03-15", parent="SUM"),
        obligation("B", "2026-03-18", parent="SUM"),
        obligation("REMEDY", due=remedy),
        as_of=NOW,
    )
    assert deadline_of("REMEDY").status == "dormant"
    done("A", "2026-03-05", as_of=utc("2026-03-06T00:00"))
    sweep.run(as_of=utc("2026-03-17T00:00"))
    assert deadline_of("REMEDY").status == "dormant"
    sweep.run(as_of=utc("2026-03-19T00:00"))
    woken = deadline_of("REMEDY")
    assert (woken.status, str(woken.due_on)) == ("pending", "2026-03-29")


def test_parents_and_due_rules_cannot_form_a_cycle() -> None:
    from_parent = {
        "type": "offset", "from": {"deadline": "WHOLE"}, "count": 5, "unit": "days",
        "direction": "before",
    }  # fmt: skip
    with pytest.raises(Invalid) as refused:
        create_agreement(parent(), obligation("P-1", due=from_parent, parent="WHOLE"), as_of=NOW)
    assert "P-1 > WHOLE > P-1" in str(refused.value)
    assert not Deadline.objects.exists()


def test_dependents_of_a_parent_follow_a_moved_component() -> None:
    create_agreement(parent(), *parts(2), as_of=NOW)
    assert set(Dependency.objects.values_list("obligation__ref", "on__ref")) == {
        ("WHOLE", "P-1"), ("WHOLE", "P-2"),
    }  # fmt: skip
    update_obligation(obligation("P-2", "2026-03-15"), as_of=NOW)
    assert set(Dependency.objects.values_list("obligation__ref", "on__ref")) == {("WHOLE", "P-1")}


def test_a_trigger_on_components_without_deadlines_is_dormant() -> None:
    after = {"type": "trigger", "on": {"met": "WHOLE"}, "then": {"count": 5, "unit": "days"}}
    whole = obligation("WHOLE", due=None)
    undated = obligation("P-1", due=None, parent="WHOLE")
    load(document("supply", whole, undated, obligation("B", due=after)), as_of=NOW)
    assert deadline_of("B").status == "dormant"
