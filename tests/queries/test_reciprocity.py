"""What two parties owe each other, and who performed first."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.models.people.readers import SYSTEM
from compliance.queries.deadlines.reciprocity import Reciprocity, ReciprocityFilter, reciprocity
from compliance.queries.deadlines.summary import SummaryFilter, summary
from tests.queries import analysed_world
from tests.queries.analysed_world import MOMENTS, NOW
from tests.samples import create_agreement, deadline_of, obligation, record, update_obligation, utc

_MEASURES = ("count", "statuses", "compliance_rate", "open", "median_days_late", "oldest_open_days")


def _of(**query: Any) -> Reciprocity:
    asked_for = read(ReciprocityFilter, {"parties": "CHN,ACME", **query})
    return reciprocity(asked_for.pinned(NOW), reader=SYSTEM, now=NOW)


@pytest.mark.django_db
def test_both_sides_are_those_of_a_summary_at_every_moment() -> None:
    analysed_world.create()
    for moment in MOMENTS:
        for more in ({}, {"tag_prefix": "policy:"}, {"agreement": "talks"}, {"is_open": "true"}):
            query = {**moment, **more, "measures": ",".join(_MEASURES)}
            found = _of(**query)
            for obligor, obligee, place in (("CHN", "ACME", 0), ("ACME", "CHN", 1)):
                side = {"obligor": obligor, "obligee": obligee}
                of_side = read(SummaryFilter, {**query, **side, "group_by": "agreement"})
                expected = {
                    each.pop("group"): each
                    for each in summary(of_side, reader=SYSTEM, now=NOW).rows
                }
                sides = {each["agreement"]: each for each in found.rows[place::2]}
                for name, shown in sides.items():
                    assert (shown["obligor"], shown["obligee"]) == (obligor, obligee)
                    assert shown["count"] == expected.get(name, {"count": 0})["count"]
                    if name in expected:
                        assert {each: shown[each] for each in _MEASURES} == expected[name]
                assert set(expected) <= set(sides)
                total = sum(each["count"] for each in expected.values())
                assert found.together[place]["count"] == total


@pytest.mark.django_db
def test_the_first_to_perform_is_named_with_the_days_until_the_other_did() -> None:
    owed = {"obligors": ["ACME"], "obligees": ["CHN"]}
    create_agreement(
        obligation("C-1", "2026-05-31"), obligation("C-2", "2026-05-31"),
        obligation("A-1", "2026-05-31", **owed), obligation("A-2", "2026-05-31", **owed),
        timezone="Europe/Berlin", as_of=utc("2026-03-01T00:00"),
    )  # fmt: skip
    create_agreement(obligation("X-1", "2026-05-31"), ref="another", as_of=utc("2026-03-01T00:00"))
    assert _shown(_of()) == [("another", None, None), ("supply", None, None)]
    # Summer time begins in between.
    for ref, day in (("C-2", "2026-05-01"), ("C-1", "2026-03-28"), ("A-1", "2026-03-30")):
        record(deadline_of(ref), as_of=utc("2026-06-10T00:00"), type="performance", on=day)
    found = _of()
    assert _shown(found) == [("another", None, None), ("supply", "CHN", 2)]
    assert [each["performed_on"] for each in found.rows[2:]] == [
        date(2026, 3, 28),
        date(2026, 3, 30),
    ]
    for each in found.together:
        assert (each["first"], each["lag_days"]) == ("CHN", 2)
    # As known before, neither had; and the order of the parties decides the order of the sides.
    assert _shown(_of(known_at="2026-06-01T00:00:00Z"))[1] == ("supply", None, None)
    turned = _of(parties="ACME,CHN")
    assert [each["obligor"] for each in turned.rows[2:]] == ["ACME", "CHN"]
    assert _shown(turned) == _shown(found)
    # The other one alone has performed.
    assert _shown(_of(obligation_ref="A-1")) == [("supply", "ACME", None)]
    record(deadline_of("A-2"), as_of=utc("2026-06-11T00:00"), type="performance", on="2026-03-28")
    assert _shown(_of())[1] == ("supply", None, 0)


@pytest.mark.django_db
def test_the_sides_are_those_that_were_known_then() -> None:
    create_agreement(obligation("O-1", "2026-12-31"), as_of=utc("2026-03-01T00:00"))
    turned = obligation("O-1", "2026-12-31", obligors=["ACME"], obligees=["CHN"])
    update_obligation(turned, as_of=utc("2026-04-01T00:00"))
    then = _of(known_at="2026-03-20T00:00:00Z")
    assert [each["count"] for each in then.rows] == [1, 0]
    assert [each["count"] for each in _of().rows] == [0, 1]
    assert [each["count"] for each in _of(as_of="2026-04-02T00:00:00Z").rows] == [0, 1]


@pytest.mark.django_db
def test_agreements_beyond_the_limit_are_counted() -> None:
    for number in range(3):
        create_agreement(ref=f"a-{number}")
    found = _of(limit=2)
    assert ([each["agreement"] for each in found.rows[::2]], found.total) == (["a-0", "a-1"], 3)
    assert found.together[0]["count"] == 3
    nothing = _of(parties="CHN,NOBODY")
    assert (nothing.rows, nothing.total) == ([], 0)
    assert [each["count"] for each in nothing.together] == [0, 0]
    status = "draft,in_force,suspended,terminated,expired,archived"
    assert _of(agreement_status=status).total == 3


@pytest.mark.parametrize("parties", ["CHN", "CHN,CHN", "CHN,ACME,USA", "", "chn,ACME"])
def test_two_different_parties_are_required(parties: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(ReciprocityFilter, {"parties": parties})
    assert {each.path.split("/")[0] for each in refused.value.problems} == {"parties"}


def _shown(found: Reciprocity) -> list[tuple[str, str | None, int | None]]:
    of_one, of_other = (
        [(each["agreement"], each["first"], each["lag_days"]) for each in found.rows[place::2]]
        for place in (0, 1)
    )
    assert of_one == of_other
    return of_one
