"""The benchmarks measure the code as it is now."""

from __future__ import annotations

from benchmarks.sweep.phases import Phases, phases_of_the_sweep


def test_every_phase_of_the_sweep_that_the_benchmark_times_exists() -> None:
    with phases_of_the_sweep() as phases:
        assert isinstance(phases, Phases)
