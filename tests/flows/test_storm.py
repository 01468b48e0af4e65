"""A small storm over real processes: sweep and delivery tick on their own, and split nothing."""

from __future__ import annotations

import pytest

from benchmarks import storm
from tests.flows.conftest import MailSink, Stack


@pytest.mark.flow
@pytest.mark.exhaustive
def test_a_burst_found_in_several_batches_is_one_mail_for_each_recipient(
    stack: Stack, mail_sink: MailSink
) -> None:
    size = {"deadlines": 5_000, "recipients": 10, "agreements": 1}
    found = storm.run(stack, mail_sink, **size, patience=120)
    print(f"last OK {found.seconds:.1f} s after the instant")
    assert storm.problems(found, **size) == []
    assert len(found.told) == 10
    assert found.seconds < storm.WITHIN_SECONDS
