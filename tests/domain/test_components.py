"""Roll-up: the status of a parent by its components."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.deadlines.components import (
    DONE,
    RELEASED,
    needed_of,
    rolled_up,
    status_of_several,
)
from compliance.domain.deadlines.timeline import BREACHED
from compliance.domain.vocabulary import RollUp, Status

S = Status
statuses = st.lists(st.sampled_from(Status), max_size=6)
rules = st.sampled_from(
    [(RollUp.ALL, None), (RollUp.ANY, None), (RollUp.SHARE, Decimal("0.5")),
     (RollUp.SHARE, Decimal("0.75")), (RollUp.SHARE, Decimal(1))]
)  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "share", "of", "needed"),
    [
        (RollUp.ALL, None, 4, 4),
        (RollUp.ANY, None, 4, 1),
        (RollUp.ANY, None, 0, 0),
        (RollUp.SHARE, Decimal("0.75"), 4, 3),
        (RollUp.SHARE, Decimal("0.75"), 5, 4),
        (RollUp.SHARE, Decimal("0.000001"), 5, 1),
        (RollUp.SHARE, Decimal(1), 5, 5),
    ],
)
def test_a_share_is_rounded_up(rule: RollUp, share: Decimal | None, of: int, needed: int) -> None:
    assert needed_of(rule, share, of) == needed


@pytest.mark.parametrize(
    ("rule", "given_statuses", "status", "summary"),
    [
        (RollUp.ALL, [S.MET, S.MET, S.MET, S.UNMET], S.PARTLY_MET, "3 of 4 done"),
        (RollUp.ALL, [S.UNMET, S.PENDING], S.UNMET, "0 of 2 done"),
        (RollUp.ALL, [S.PARTLY_MET, S.PENDING], S.PARTLY_MET, "0 of 2 done"),
        (RollUp.ALL, [S.MET, S.PENDING], S.PENDING, "1 of 2 done"),
        (RollUp.ALL, [S.MET, S.MET_LATE], S.MET_LATE, "2 of 2 done"),
        (RollUp.ALL, [S.MET, S.WAIVED], S.MET, "1 of 1 done, 1 released"),
        (RollUp.ALL, [S.CANCELLED, S.WAIVED], S.WAIVED, "0 of 0 done, 2 released"),
        (RollUp.ALL, [S.DORMANT, S.DORMANT], S.DORMANT, "0 of 2 done"),
        (RollUp.ALL, [S.MET, S.IN_GRACE], S.IN_GRACE, "1 of 2 done"),
        (RollUp.ALL, [S.MET, None], S.PENDING, "1 of 2 done"),
        (RollUp.ALL, [], S.PENDING, "0 of 0 done"),
        (RollUp.ANY, [S.UNMET, S.PENDING], S.PENDING, "0 of 2 done"),
        (RollUp.ANY, [S.UNMET, S.UNMET], S.UNMET, "0 of 2 done"),
        (RollUp.ANY, [S.UNMET, S.MET], S.MET, "1 of 2 done"),
        (RollUp.ANY, [S.MET_LATE, S.MET], S.MET, "2 of 2 done"),
    ],
)
def test_the_status_of_a_parent_follows_from_its_components(
    rule: RollUp, given_statuses: Sequence[Status | None], status: Status, summary: str
) -> None:
    state = rolled_up(rule, None, given_statuses)
    assert (state.status, state.summary) == (status, summary)


@given(rules, statuses)
def test_a_parent_is_unmet_exactly_if_too_few_components_can_still_be_done(
    rule: tuple[RollUp, Decimal | None], given_statuses: list[Status]
) -> None:
    state = rolled_up(*rule, given_statuses)
    counting = [each for each in given_statuses if each not in RELEASED]
    can_be = [each for each in counting if each not in BREACHED]
    assert (state.status in BREACHED) == (len(can_be) < state.needed)
    assert (state.status in DONE) == (bool(counting) and state.done >= state.needed)
    assert state.of + state.released == len(given_statuses)


@given(rules, statuses)
def test_the_order_of_components_does_not_matter(
    rule: tuple[RollUp, Decimal | None], given_statuses: list[Status]
) -> None:
    assert rolled_up(*rule, given_statuses) == rolled_up(*rule, sorted(given_statuses))


@given(st.lists(st.sampled_from(Status), min_size=1, max_size=6))
def test_several_deadlines_of_a_component_have_one_status(given_statuses: list[Status]) -> None:
    state = status_of_several(given_statuses)
    assert state is not None
    if set(given_statuses) & BREACHED:
        assert state in BREACHED
    if len(given_statuses) == 1:
        assert state == given_statuses[0]
