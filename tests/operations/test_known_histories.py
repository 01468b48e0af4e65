"""What is known at an instant is what importing only the parts recorded by then would give.

Random documents, in which every part may have a `recorded_at`, are imported whole and cut off at an
instant. Every answer as known at that instant must be the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance.domain.problems import Invalid
from compliance.models import Agreement, Fact
from compliance.models.people.readers import SYSTEM
from compliance.queries.agreements import agreements, obligations
from compliance.queries.deadlines import breaches
from compliance.queries.deadlines import facts as stored_facts
from compliance.queries.deadlines.deadlines import DeadlineListing, listed, row
from compliance.queries.deadlines.groupings import Grouping
from compliance.queries.deadlines.summary import SummaryFilter, summary
from compliance.queries.deadlines.timelines import timeline_rows
from compliance.queries.deadlines.why import why
from compliance.queries.point_in_time import PointInTime
from tests.profiles import scaled
from tests.samples import document, load, obligation, utc

NOW = utc("2026-08-01T00:00")
START = utc("2026-02-01T00:00")
# Few days, so that they often coincide.
days = st.integers(0, 18).map(lambda number: START + timedelta(days=7 * number))
instants = st.builds(lambda day, hours: day + timedelta(hours=hours), days, st.sampled_from([0, 9]))

TEN_DAYS = {"type": "offset", "count": 10, "unit": "days"}
# In an order in which each obligation only refers to earlier ones.
OBLIGATIONS: Mapping[str, Mapping[str, Any]] = {
    "PLAIN": {"due": {"type": "date", "on": "2026-03-20"}, "grace": {"count": 3, "unit": "days"}},
    "AFTER-M": {"due": {**TEN_DAYS, "from": {"milestone": "M"}}},
    "ON-M": {"due": {"type": "trigger", "on": {"milestone": "M"}, "then": TEN_DAYS}},
    "REMEDY": {"due": {"type": "trigger", "on": {"breach_of": "PLAIN"}, "then": TEN_DAYS}},
    "NEXT": {"due": {**TEN_DAYS, "from": {"deadline": "PLAIN"}}},
    "REWARD": {"due": {"type": "trigger", "on": {"met": "AFTER-M"}, "then": TEN_DAYS}},
    "LAST": {"due": {**TEN_DAYS, "from": {"deadline": "NEXT"}}},
    "KEEP": {
        "kind": "maintain",
        "starts": {**TEN_DAYS, "from": {"milestone": "M"}},
        "due": {"type": "date", "on": "2026-06-10"},
    },
    "WHOLE": {"due": {"type": "date", "on": "2026-05-01"}},
    "PART-1": {"parent": "WHOLE", "due": {"type": "date", "on": "2026-04-15"}},
    "PART-2": {"parent": "WHOLE", "due": {**TEN_DAYS, "from": {"milestone": "M"}}},
}
SOURCES = {
    "REMEDY": "PLAIN", "NEXT": "PLAIN", "REWARD": "AFTER-M", "LAST": "NEXT", "PART-1": "WHOLE",
    "PART-2": "WHOLE",
}  # fmt: skip


def text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


@st.composite
def facts(draw: st.DrawFn, ref: str) -> dict[str, Any]:
    """Draw a fact that was recorded some time after it took effect."""
    kinds = ["performance", "extension", "waiver", "cancellation"]
    kind = draw(st.sampled_from(["violation", "waiver"] if ref == "KEEP" else kinds))
    at = draw(days)
    recorded_at = at + timedelta(days=draw(st.sampled_from([1, 8, 30, 60])))
    fact: dict[str, Any] = {"type": kind, "on": at.date().isoformat()}
    if draw(st.integers(0, 9)):
        fact["recorded_at"] = text(recorded_at)
    if kind == "extension":
        due = at + timedelta(days=draw(st.sampled_from([14, 35])))
        fact["due"] = {"type": "date", "on": due.date().isoformat()}
    if kind == "violation":
        fact["until"] = (at + timedelta(days=draw(st.sampled_from([5, 20])))).date().isoformat()
    return fact


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a document that describes a history."""
    found: dict[str, dict[str, Any]] = {}
    for ref, fields in OBLIGATIONS.items():
        source = SOURCES.get(ref)
        if (source is not None and source not in found) or not draw(st.integers(0, 2)):
            continue
        earliest = found[source]["recorded_at"] if source else text(START)
        own = draw(st.one_of(st.none(), days.map(text)))
        found[ref] = obligation(
            ref,
            **fields,
            recorded_at=max(filter(None, [own, earliest])),
            facts=draw(st.lists(facts(ref), max_size=2)),
        )
    milestone: dict[str, Any] = {"ref": "M"}
    if draw(st.integers(0, 4)):
        milestone |= {"on": draw(days).date().isoformat(), "recorded_at": draw(days.map(text))}
    general = []
    if not draw(st.integers(0, 2)):
        at = draw(days)
        general.append(
            {"type": "suspension", "on": at.date().isoformat(), "is_tolling": draw(st.booleans()),
             "until": (at + timedelta(days=10)).date().isoformat(),
             "recorded_at": text(at + timedelta(days=draw(st.sampled_from([0, 12, 40]))))}
        )  # fmt: skip
    return document(
        "whole",
        *found.values(),
        milestones=[milestone],
        facts=general,
        recorded_at=text(START),
        timezone="UTC",
    ) | {"obligations": list(found.values())}


def cut_off(whole: Mapping[str, Any], known_at: datetime) -> dict[str, Any]:
    """Return the parts of a document that were recorded by `known_at`."""

    def is_known(part: Mapping[str, Any]) -> bool:
        recorded_at = part.get("recorded_at")
        return recorded_at is not None and datetime.fromisoformat(recorded_at) <= known_at

    milestones = [
        each if is_known(each) or "on" not in each else {"ref": each["ref"]}
        for each in whole["milestones"]
    ]
    known = [
        {**each, "facts": [fact for fact in each["facts"] if is_known(fact)]}
        for each in whole["obligations"]
        if is_known(each)
    ]
    general = [each for each in whole["facts"] if is_known(each)]
    return {
        **whole, "ref": "cut", "milestones": milestones, "obligations": known, "facts": general,
    }  # fmt: skip


def answers(agreement: Agreement, as_of: datetime, known_at: datetime) -> dict[str, Any]:
    """Return everything that is said about an agreement, without its ref and without ids."""
    moment = PointInTime(as_of=as_of, known_at=known_at)
    asked: dict[str, Any] = {"as_of": as_of, "known_at": known_at, "agreement": agreement.ref}
    # The document that is cut off has no facts about obligations that were not known yet.
    of_deadlines = Fact.objects.filter(
        deadline__agreement=agreement, deadline__obligation__recorded_at__lte=known_at
    )
    mine = of_deadlines | Fact.objects.filter(agreement=agreement)
    place = {
        pk: number for number, pk in enumerate(mine.order_by("id").values_list("id", flat=True))
    }

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: place[each] if name in {"fact", "fact_id"} and each else plain(each)
                for name, each in value.items()
                if name not in {"id", "obligation", "agreement", "deadline", "ref"}
            }
        if isinstance(value, list | tuple):
            return [plain(each) for each in value]
        if isinstance(value, str):
            return re.sub(r"fact (\d+)", lambda found: f"fact {place[int(found[1])]}", value)
        return value

    found: dict[str, Any] = {
        "agreement": plain(agreements.row(agreement.ref, moment, reader=SYSTEM, now=NOW))
    }
    for each in listed(DeadlineListing(**asked), reader=SYSTEM, now=NOW).rows:
        found[each["obligation_ref"]] = [
            plain(each),
            plain(row(each["id"], moment, reader=SYSTEM, now=NOW)),
            plain(timeline_rows(each["id"], moment, reader=SYSTEM, now=NOW)),
            plain(why(each["id"], moment, reader=SYSTEM, now=NOW)),
        ]
    for each in obligations.listed(
        obligations.ObligationListing(**asked), reader=SYSTEM, now=NOW
    ).rows:
        found[f"obligation {each['ref']}"] = plain(each)
    found["breaches"] = plain(sorted(
        breaches.listed(breaches.BreachListing(**asked), reader=SYSTEM, now=NOW).rows,
        key=lambda each: (each["obligation_ref"], each["occurred_at"]),
    ))  # fmt: skip
    for grouping in Grouping:
        if grouping is not Grouping.AGREEMENT:
            question = SummaryFilter(**asked, group_by=(grouping,))
            found[f"summary {grouping}"] = summary(question, reader=SYSTEM, now=NOW).rows
    records = fact_listing(agreement=agreement.ref, known_at=known_at)
    found["facts"] = sorted(map(str, map(plain, records)))
    return found


def fact_listing(**asked: Any) -> list[dict[str, Any]]:
    """Return the facts of a list without what identifies their rows."""
    rows = stored_facts.listed(stored_facts.FactListing(**asked), reader=SYSTEM).rows
    unknown = ("deadline", "supersedes")
    return [{name: each[name] for name in each if name not in unknown} for each in rows]


def differences(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the places at which two answers differ, with both values."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from differences(one[name], other[name], f"{path}/{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, each in enumerate(one):
            yield from differences(each, other[number], f"{path}/{number}")
    elif one != other:
        yield path, one, other


class EveryImportedPast(DatabaseTestCase):
    """Random imported histories."""

    @given(histories(), instants, instants)
    @settings(max_examples=scaled(0.2), suppress_health_check=list(HealthCheck))
    def test_the_past_is_what_was_recorded_by_then(
        self, whole: dict[str, Any], known_at: datetime, earlier: datetime
    ) -> None:
        try:
            complete = load(whole, as_of=NOW)
        except Invalid:
            reject()
        cut = load(cut_off(whole, known_at), as_of=NOW)
        for as_of in {known_at, min(known_at, earlier)}:
            found = answers(complete, as_of, known_at), answers(cut, as_of, known_at)
            assert list(differences(*found)) == []
