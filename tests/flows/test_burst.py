"""A small storm with real processes: sweep and delivery run independently and split no mail."""

from __future__ import annotations

import pytest

from benchmarks import storm
from tests.flows.conftest import MailSink, Stack


@pytest.mark.flow
@pytest.mark.exhaustive
def test_a_burst_detected_in_several_batches_is_one_email_per_recipient(
    stack: Stack, mail_sink: MailSink
) -> None:
    size = {"deadlines": 5_000, "recipients": 10, "agreements": 1}
    found = storm.run(stack, mail_sink, **size, patience=120)
    print(f"last OK {found.seconds:.1f} s after the instant")
    assert storm.problems(found, **size) == []
    assert len(found.mails) == 10
    assert found.seconds < storm.WITHIN_SECONDS
