"""Load the input of projections for many deadlines at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import structlog

from compliance.domain.alerts import notification_policies as policies
from compliance.domain.alerts.intents import OpenBreach
from compliance.domain.civil_time import UnknownTimeZone, displayed_zone_name
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.ledger import Entry
from compliance.domain.deadlines.timeline import BREACHED, BreachInterval
from compliance.domain.due_dates.calendar_names import UnknownCalendar
from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import BreachEnd, ObligationKind, TargetBound
from compliance.models.bulk import array, fetch
from compliance.models.deadlines.fact_values import facts_about
from compliance.models.deadlines.ledger import ledger_of
from compliance.models.deadlines.terms import Duty
from compliance.models.due_dates.calendars import custom_calendars
from compliance.operations.deadlines.deadline_rows import DeadlineRow

log = structlog.get_logger(__name__)


@dataclass(kw_only=True, slots=True)
class Policy:
    """A notification policy, and how its business days are counted.

    Many deadlines have the same due date, and all breaches detected by a sweep have the same time
    of detection, so the steps are computed once for each.
    """

    steps: policies.NotificationPolicy = policies.DEFAULT
    business_days: policies.BusinessDays | None = None
    _reminders: dict[tuple[date, datetime, str], list[datetime]] = field(default_factory=dict)
    _escalations: dict[tuple[datetime, str], list[datetime]] = field(default_factory=dict)

    def reminders(self, due: Due) -> list[datetime]:
        """Return the instants of all reminders of a due date, in ascending order."""
        key = (due.due_on, due.due_at, due.timezone)
        found = self._reminders.get(key)
        if found is None:
            # An unknown zone must not suppress alerts.
            shown = due._replace(timezone=displayed_zone_name(due.timezone))
            found = policies.reminders(self.steps, shown, self.business_days)
            self._reminders[key] = found
        return found

    def escalations(self, detected_at: datetime, timezone: str) -> list[datetime]:
        """Return the instants of all escalations of a breach, in ascending order."""
        key = (detected_at, timezone)
        found = self._escalations.get(key)
        if found is None:
            zone = displayed_zone_name(timezone)
            found = policies.escalations(self.steps, detected_at, zone, self.business_days)
            self._escalations[key] = found
        return found


@dataclass(kw_only=True, slots=True)
class Inputs:
    """The stored data about deadlines: by deadline, or by obligation for duties and policies.

    `breaches` and `detected` hold the same breaches: as the timeline states them, and as
    escalations need them.
    """

    facts: dict[int, list[Fact]]
    ledger: dict[int, list[Entry]]
    breaches: dict[int, list[BreachInterval]]
    detected: dict[int, list[OpenBreach]]
    duties: dict[int, Duty]
    policies: dict[int, Policy]
    default_policy: Policy = field(default_factory=Policy)
    # Why the facts about a deadline could not be loaded.
    failures: dict[int, UnknownTimeZone] = field(default_factory=dict)

    def facts_of(self, deadline_id: int) -> Sequence[Fact]:
        """Return the facts about a deadline.

        Raises:
            UnknownTimeZone: they could not be loaded.
        """
        if deadline_id in self.failures:
            raise self.failures[deadline_id]
        return self.facts.get(deadline_id, ())


def load(rows: Sequence[DeadlineRow], *, replayed: Collection[int] = ()) -> Inputs:
    """Load the stored data about deadlines. They must be locked, so that it does not change.

    Args:
        replayed: those whose ledgers are rewritten, and may not state all stored breaches.
    """
    obligations = array(list({row.obligation_id for row in rows}))
    duties = {pk: _duty(*values) for pk, *values in fetch(_SPECIAL_DUTIES, ids=obligations)}
    surviving = {pk for pk, duty in duties.items() if duty.survives_termination}
    failures: dict[int, UnknownTimeZone] = {}
    facts = facts_about(
        rows,
        surviving={row.id for row in rows if row.obligation_id in surviving},
        failures=failures,
    )
    ledger: dict[int, list[Entry]] = defaultdict(list)
    ever_breached: set[int] = set()
    for deadline_id, _, entry in ledger_of([row.id for row in rows]):
        ledger[deadline_id].append(entry)
        if entry.status in BREACHED:
            ever_breached.add(deadline_id)
    breaches, detected = _breaches(ever_breached.union(replayed))
    return Inputs(
        facts=facts,
        ledger=ledger,
        breaches=breaches,
        detected=detected,
        duties=duties,
        policies=_policies(obligations),
        failures=failures,
    )


def with_duties(deadline_ids: Iterable[int]) -> list[tuple[DeadlineRow, Duty]]:
    """Return deadlines in the order of their ids, each with its duty, without locking them."""
    width = len(DeadlineRow._fields)
    return [
        (DeadlineRow._make(values[:width]), _duty(*values[width:]))
        for values in fetch(_WITH_DUTIES, ids=array(list(deadline_ids)))
    ]


def _duty(
    kind: str,
    target: Decimal | None,
    bound: str,
    has_due_rule: bool,
    survives_termination: bool,
    ends_on: date | None,
) -> Duty:
    return Duty(
        ObligationKind(kind),
        target,
        TargetBound(bound),
        has_due_rule,
        survives_termination,
        ends_on,
    )


def _breaches(
    deadline_ids: Collection[int],
) -> tuple[dict[int, list[BreachInterval]], dict[int, list[OpenBreach]]]:
    """Return the breaches of deadlines in the two forms of `Inputs`.

    A deadline whose ledger has never stated a breach has none, so most deadlines need no query.
    """
    breaches: dict[int, list[BreachInterval]] = defaultdict(list)
    detected: dict[int, list[OpenBreach]] = defaultdict(list)
    if deadline_ids:
        rows = fetch(_BREACHES, ids=array(list(deadline_ids)))
        for deadline_id, occurred_at, ended_at, end_reason, *rest in rows:
            detected[deadline_id].append(OpenBreach(occurred_at, *rest))
            reason = BreachEnd(end_reason) if end_reason else None
            breaches[deadline_id].append(BreachInterval(occurred_at, ended_at, reason))
    return breaches, detected


def _policies(obligations: str) -> dict[int, Policy]:
    """Return the notification policies other than the default one, by obligation."""
    found = {}
    custom = None
    for pk, value, calendars in fetch(_POLICIES, ids=obligations):
        steps = policies.load_notification_policy(value)
        business_days = None
        if steps.needs_calendar:
            custom = custom_calendars() if custom is None else custom
            try:
                business_days = BusinessCalendar(tuple(calendars) or ("weekend",), custom).add
            except UnknownCalendar as error:
                # Every day counts as a business day instead: a missing calendar must not suppress
                # alerts.
                log.error("notification policy without calendar", obligation=pk, error=str(error))
        found[pk] = Policy(steps=steps, business_days=business_days)
    return found


_DUTY = """o.kind, o.target_quantity, o.target_bound, o.due IS NOT NULL, o.survives_termination,
        CASE WHEN NOT o.survives_termination THEN a.ends_on END"""
_WITH_DUTIES = f"""
    SELECT {", ".join(f"d.{name}" for name in DeadlineRow._fields)}, {_DUTY}
    FROM compliance_deadline AS d
    JOIN compliance_obligation AS o ON o.id = d.obligation_id
    JOIN compliance_agreement AS a ON a.id = d.agreement_id
    WHERE d.id = ANY(%(ids)s::bigint[]) ORDER BY d.id
"""

# All other obligations are `PLAIN_DUTY`.
_SPECIAL_DUTIES = f"""
    SELECT o.id, {_DUTY}
    FROM compliance_obligation AS o JOIN compliance_agreement AS a ON a.id = o.agreement_id
    WHERE o.id = ANY(%(ids)s::bigint[])
      AND (o.kind <> 'achieve' OR o.target_quantity IS NOT NULL OR o.due IS NULL
           OR o.survives_termination OR a.ends_on IS NOT NULL)
"""

_POLICIES = """
    SELECT o.id, coalesce(o.notification_policy, a.notification_policy), a.calendars
    FROM compliance_obligation AS o JOIN compliance_agreement AS a ON a.id = o.agreement_id
    WHERE o.id = ANY(%(ids)s::bigint[])
      AND coalesce(o.notification_policy, a.notification_policy) IS NOT NULL
"""

_BREACHES = """
    SELECT deadline_id, occurred_at, ended_at, end_reason, detected_at, acknowledged_until
    FROM compliance_breach WHERE deadline_id = ANY(%(ids)s::bigint[])
"""
