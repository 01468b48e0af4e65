"""A history that is imported year by year gives the same result as one that is imported at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance.domain.deadlines.ledger import replay
from compliance.models import Breach, Deadline, LedgerEntry
from compliance.models.deadlines.ledger import entry_of
from tests.profiles import scaled
from tests.samples import document, load, obligation, utc

NOW = utc("2026-06-01T00:00")
BEGIN = utc("2020-01-01T00:00")
# The ledger corrects an instant at which it stated something wrongly one tick later.
MOMENTS = [BEGIN + timedelta(days=91 * number, hours=5) for number in range(24)]


@st.composite
def outcomes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a fact, and when it became known."""
    on = BEGIN + timedelta(days=draw(st.integers(30, 2000)))
    kind = draw(st.sampled_from(["performance", "extension", "suspension", "waiver"]))
    known_at = on + timedelta(days=draw(st.integers(1, 300)), minutes=draw(st.integers(0, 999)))
    fact: dict[str, Any] = {
        "type": kind, "on": f"{on:%Y-%m-%d}", "recorded_at": known_at.isoformat(),
    }  # fmt: skip
    if kind == "extension":
        later = on + timedelta(days=draw(st.integers(1, 400)))
        fact["due"] = {"type": "date", "on": f"{later:%Y-%m-%d}"}
    if kind == "suspension":
        fact["until"] = f"{on + timedelta(days=draw(st.integers(1, 90))):%Y-%m-%d}"
    return fact


def _name(fact: dict[str, Any]) -> tuple[str, str]:
    return fact["type"], fact["on"]


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw facts, and corrections and retractions of those that count, in the order of time."""
    found = draw(st.lists(outcomes(), max_size=4, unique_by=lambda each: each["on"]))
    # The last one of each chain counts.
    chains = [[each] for each in found]
    known_at = BEGIN
    for _ in range(draw(st.integers(0, 4))):
        standing = [each for each in chains if each]
        if not standing:
            break
        chain = draw(st.sampled_from(standing))
        fact = chain[-1]
        known_at = max(known_at, datetime.fromisoformat(fact["recorded_at"]))
        known_at += timedelta(days=draw(st.integers(2, 200)), minutes=1)
        change: dict[str, Any] = {"type": "retraction"}
        after = chain[:-1]
        if draw(st.booleans()):
            # It may go back to the day that an earlier correction replaced.
            days = [each["on"] for each in found if each.get("on", "9999") < f"{known_at:%Y-%m-%d}"]
            change = {**fact, "on": draw(st.sampled_from(days))}
            after = [*chain, change]
        names = {_name(each[-1]) for each in standing if each is not chain}
        is_clear = not after or _name(after[-1]) not in names
        if known_at < NOW and is_clear and change.get("until", "9999") >= change.get("on", ""):
            change["recorded_at"] = known_at.isoformat()
            change["supersedes"] = {"type": fact["type"], "on": fact["on"]}
            chain[:] = after
            found.append(change)
    return draw(st.permutations(found))


def programme(ref: str, facts: list[dict[str, Any]], until: datetime) -> dict[str, Any]:
    """Return the document of an agreement with the facts that were known at `until`."""
    known = [each for each in facts if datetime.fromisoformat(each["recorded_at"]) <= until]
    return document(
        ref,
        obligation("O", "2022-06-15", facts=known),
        signed_on="2020-01-10",
        recorded_at=BEGIN.isoformat(),
    )


def states(ref: str) -> list[object]:
    """Return what was known about the deadline of an agreement at each moment, and its breaches."""
    deadline = Deadline.objects.get(agreement__ref=ref)
    entries = [entry_of(row) for row in LedgerEntry.objects.filter(deadline=deadline)]
    found: list[object] = [deadline.status, deadline.due_at]
    for moment in MOMENTS:
        entry = replay(entries, as_of=moment, known_at=moment)
        found.append(entry and (entry.status, entry.reason, entry.due_at))
    breaches = Breach.objects.filter(deadline=deadline).exclude(end_reason="voided")
    return [*found, sorted(breaches.values_list("occurred_at", "ended_at", "end_reason"))]


_PERFORMANCE = {"type": "performance", "on": "2020-01-31"}
# A later correction to the same value must not take the place of an earlier one that is stored.
_REPEATED = [
    {**_PERFORMANCE, "recorded_at": "2020-02-01T00:00:00+00:00"},
    {**_PERFORMANCE, "recorded_at": "2021-01-02T00:00:00+00:00", "supersedes": _PERFORMANCE},
    {**_PERFORMANCE, "recorded_at": "2020-11-13T00:00:00+00:00", "supersedes": _PERFORMANCE},
    {**_PERFORMANCE, "recorded_at": "2020-06-18T00:00:00+00:00", "supersedes": _PERFORMANCE},
    {"type": "retraction", "recorded_at": "2021-01-03T00:00:00+00:00", "supersedes": _PERFORMANCE},
]


class ByYear(DatabaseTestCase):
    """Random histories."""

    @example(_REPEATED)
    @given(histories())
    @settings(max_examples=scaled(0.15), suppress_health_check=list(HealthCheck))
    def test_importing_year_by_year_equals_importing_at_once(
        self, facts: list[dict[str, Any]]
    ) -> None:
        load(programme("at-once", facts, NOW), as_of=NOW)
        for year in range(2021, 2027):
            load(programme("by-year", facts, utc(f"{year}-01-01T00:00")), as_of=NOW)
        load(programme("by-year", facts, NOW), as_of=NOW)
        assert states("by-year") == states("at-once")
