"""Load what a projection needs to know about deadlines, set-wise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import structlog

from compliance.domain.alerts import notification_policies as policies
from compliance.domain.alerts.intents import OpenBreach
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.ledger import Entry
from compliance.domain.deadlines.timeline import BREACHED, BreachInterval
from compliance.domain.due_dates.calendar_names import UnknownCalendar
from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.due_dates.due_rules import Due
from compliance.domain.vocabulary import BreachEnd, ObligationKind
from compliance.models.bulk import array, fetch
from compliance.models.deadlines.deadlines import Duty
from compliance.models.deadlines.facts import facts_about
from compliance.models.deadlines.ledger import ledger_of
from compliance.models.due_dates.calendars import custom_calendars
from compliance.operations.deadlines.deadline_rows import DeadlineRow

log = structlog.get_logger(__name__)


@dataclass(kw_only=True, slots=True)
class Policy:
    """A notification policy, and how its business days are counted.

    Many deadlines share their due date, and all breaches that one sweep detects share when they
    were detected: the steps are computed once for each.
    """

    steps: policies.NotificationPolicy = policies.DEFAULT
    business_days: policies.BusinessDays | None = None
    _reminders: dict[tuple[date, datetime, str], list[datetime]] = field(default_factory=dict)
    _escalations: dict[tuple[datetime, str], list[datetime]] = field(default_factory=dict)

    def reminders(self, due: Due) -> list[datetime]:
        """Return the instants of all reminders of a due date, in order."""
        key = (due.due_on, due.due_at, due.timezone)
        found = self._reminders.get(key)
        if found is None:
            found = policies.reminders(self.steps, due, self.business_days)
            self._reminders[key] = found
        return found

    def escalations(self, detected_at: datetime, timezone: str) -> list[datetime]:
        """Return the instants of all escalations of a breach, in order."""
        key = (detected_at, timezone)
        found = self._escalations.get(key)
        if found is None:
            found = policies.escalations(self.steps, detected_at, timezone, self.business_days)
            self._escalations[key] = found
        return found


@dataclass(kw_only=True, slots=True)
class Inputs:
    """What is stored about deadlines: by deadline, or by obligation for duties and policies.

    `breaches` and `detected` hold the same breaches: as the timeline has them, and as escalations
    start from them.
    """

    facts: dict[int, list[Fact]]
    ledger: dict[int, list[Entry]]
    breaches: dict[int, list[BreachInterval]]
    detected: dict[int, list[OpenBreach]]
    duties: dict[int, Duty]
    policies: dict[int, Policy]
    default_policy: Policy = field(default_factory=Policy)


def load(rows: Sequence[DeadlineRow]) -> Inputs:
    """Load what is stored about deadlines, which must be locked: what is read stays true."""
    obligations = array(list({row.obligation_id for row in rows}))
    duties = {
        pk: Duty(
            kind=ObligationKind(kind),
            target_quantity=target,
            has_due_rule=has_due_rule,
            survives_termination=survives_termination,
        )
        for pk, kind, target, has_due_rule, survives_termination in fetch(
            _SPECIAL_DUTIES, ids=obligations
        )
    }
    surviving = {pk for pk, duty in duties.items() if duty.survives_termination}
    facts = facts_about(rows, surviving={row.id for row in rows if row.obligation_id in surviving})
    ledger: dict[int, list[Entry]] = defaultdict(list)
    ever_breached = set()
    for deadline_id, _, entry in ledger_of([row.id for row in rows]):
        ledger[deadline_id].append(entry)
        if entry.status in BREACHED:
            ever_breached.add(deadline_id)
    breaches, detected = _breaches(ever_breached)
    return Inputs(
        facts=facts,
        ledger=ledger,
        breaches=breaches,
        detected=detected,
        duties=duties,
        policies=_policies(obligations),
    )


def _breaches(
    deadline_ids: Collection[int],
) -> tuple[dict[int, list[BreachInterval]], dict[int, list[OpenBreach]]]:
    """Return the breaches of deadlines in the two forms of `Inputs`.

    No deadline has a breach that its ledger has never stated, so most need not be looked up.
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
                # Every day counts instead: a missing calendar must not silence anyone's alerts.
                log.error("notification policy without calendar", obligation=pk, error=str(error))
        found[pk] = Policy(steps=steps, business_days=business_days)
    return found


# All other obligations are `PLAIN_DUTY`.
_SPECIAL_DUTIES = """
    SELECT id, kind, target_quantity, due IS NOT NULL, survives_termination
    FROM compliance_obligation
    WHERE id = ANY(%(ids)s::bigint[])
      AND (kind <> 'achieve' OR target_quantity IS NOT NULL OR due IS NULL OR survives_termination)
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
