"""No request takes more than it may, however hostile."""

from __future__ import annotations

import secrets

import pytest

from tests.flows import bombs
from tests.flows.conftest import Stack

PARTS = 5


@pytest.mark.flow
@pytest.mark.exhaustive
def test_every_request_ends_within_its_bounds(stack: Stack) -> None:
    # All of them take five minutes: `python -m tests.flows.bombs`.
    first = secrets.randbelow(PARTS)
    print(f"requests {first}, {first + PARTS}, ...")
    costs = bombs.measured(stack, part=slice(first, None, PARTS), report=print)
    assert len(costs) > 200 // PARTS
    exceeded = [each.line() for each in bombs.worst_first(costs) if not each.is_within_bounds]
    assert exceeded == []
