"""No request takes more than it may, however hostile."""

from __future__ import annotations

import pytest

from tests.flows import bombs
from tests.flows.conftest import Stack


@pytest.mark.flow
@pytest.mark.exhaustive
def test_every_request_ends_within_its_bounds(stack: Stack) -> None:
    costs = bombs.measured(stack, report=print)
    assert len(costs) > 200
    exceeded = [each.line() for each in bombs.worst_first(costs) if not each.is_within_bounds]
    assert exceeded == []
