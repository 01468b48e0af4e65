"""A short run of `make chaos`, and that its seed says all."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.flows import chaos


def test_the_same_seed_gives_the_same_faults() -> None:
    assert chaos.plan(7, 100) == chaos.plan(7, 100)
    assert chaos.plan(7, 100) != chaos.plan(8, 100)
    assert len({fault.kind for fault in chaos.plan(7, 200)}) > 12


@pytest.mark.flow
def test_whatever_dies_or_hangs_no_alert_is_lost_doubled_or_false(tmp_path: Path) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    verdict = chaos.run(tmp_path, seed=seed, alerts=500, faults=10)
    chaos.report(verdict, chaos.plan(seed, 10))
    assert verdict.is_good, verdict
