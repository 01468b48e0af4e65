"""The verification of past statuses, as known at that time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from django.db.models import Q

from compliance.domain.civil_time import civil_day, displayed_zone_name
from compliance.domain.deadlines.facts import effective_facts
from compliance.domain.deadlines.verification import verification
from compliance.domain.vocabulary import EvidenceKind, Verdict
from compliance.models import Evidence, Fact
from compliance.models.deadlines.facts import fact_of
from compliance.queries.rows import Row


class Pinned(Protocol):
    """A point in time with both instants, or with neither."""

    @property
    def as_of(self) -> datetime | None:
        """The effective time of the question."""

    @property
    def known_at(self) -> datetime | None:
        """The recorded time of the question."""


def add_verification(rows: Sequence[Row], moment: Pinned) -> None:
    """Set `verification` on rows of a past time. Current rows already have it."""
    as_of, known_at = moment.as_of, moment.known_at
    if as_of is None or known_at is None or not rows:
        return
    by_id = {row["id"]: row for row in rows}
    concluded = _conclusions(by_id, as_of, known_at)
    looked = _looks(by_id, as_of, known_at)
    for pk, row in by_id.items():
        row["verification"] = verification(concluded[pk], looked[pk], due_on=row["due_on"])


def _conclusions(
    by_id: dict[int, Row], as_of: datetime, known_at: datetime
) -> dict[int, list[Verdict]]:
    found: dict[int, list[Verdict]] = defaultdict(list)
    known = Fact.objects.filter(deadline_id__in=by_id, recorded_at__lte=known_at)
    facts = defaultdict(list)
    for fact in known.values():
        pk = fact["deadline_id"]
        facts[pk].append(fact_of(fact, displayed_zone_name(by_id[pk]["timezone"])))
    for pk, several in facts.items():
        for each in effective_facts(several):
            if each.verdict is not None and each.effective_at <= as_of:
                found[pk].append(each.verdict)
    return found


def _looks(by_id: dict[int, Row], as_of: datetime, known_at: datetime) -> dict[int, list[date]]:
    obligations: dict[int, list[int]] = defaultdict(list)
    for pk, row in by_id.items():
        obligations[row["obligation"]].append(pk)
    bearing = Q(deadlines__in=by_id) | Q(obligations__in=obligations)
    search_logs = Evidence.objects.filter(
        bearing, kind=EvidenceKind.SEARCH_LOG.value, recorded_at__lte=known_at
    ).distinct()
    found: dict[int, list[date]] = defaultdict(list)
    for look in search_logs.prefetch_related("deadlines", "obligations"):
        ids = {each.pk for each in look.deadlines.all()}
        for obligation in look.obligations.all():
            ids.update(obligations.get(obligation.pk, ()))
        for pk in ids & by_id.keys():
            zone = displayed_zone_name(by_id[pk]["timezone"])
            day = look.published_on or civil_day(look.recorded_at, zone)
            if day <= civil_day(as_of, zone):
                found[pk].append(day)
    return found
