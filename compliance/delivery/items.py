"""The items of a message: one listed alert and its deadline, described for readers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from compliance.delivery import links, sentences
from compliance.delivery.contents import Item, Row, StatedPosition
from compliance.delivery.deadlines import Histories
from compliance.domain import phrases
from compliance.domain.civil_periods import period_phrase
from compliance.domain.civil_time import displayed_zone_name
from compliance.domain.quantities import percent_text
from compliance.domain.vocabulary import Capacity, Precision, Stance
from compliance.models import Deadline, Party, Position
from compliance.models.alerts.reported_alerts import AlertRow
from compliance.models.deadlines.terms import due_precision

_MAX_PARTIES = 10


def item(
    alert: AlertRow,
    deadline: Deadline,
    histories: Histories,
    *,
    as_of: datetime,
    zone: str | None,
    quote_length: int,
) -> Item:
    """Return the item for an alert.

    Args:
        as_of: now.
        zone: the recipient's own time zone, if there is one.
        quote_length: the longest quote of the obligation, in characters.
    """
    obligation = deadline.obligation
    obligors, obligees = (
        [side.party for side in obligation.sides.all() if side.capacity == capacity]
        for capacity in (Capacity.OBLIGOR, Capacity.OBLIGEE)
    )
    if deadline.party_id is not None:
        obligors = [party for party in obligors if party.pk == deadline.party_id]
    headline, tone = sentences.headline(alert, deadline, as_of)
    positions = sorted(deadline.positions.all(), key=lambda each: (each.stated_at, each.pk))
    is_open = alert.occurred_at is not None and alert.ended_at is None
    return Item(
        deadline_id=deadline.pk,
        kind=alert.kind,
        label=sentences.label(alert, is_achieve=sentences.is_achieve(deadline)),
        headline=headline,
        tone=tone,
        title=phrases.title(obligation.title),
        ref=obligation.ref,
        agreement=phrases.title(deadline.agreement.title),
        severity=obligation.severity,
        obligors=_names_with_codes(obligors),
        obligors_short=_short_names(obligors),
        obligees=_names_with_codes(obligees),
        dates=_dates(alert, deadline, obligors, as_of=as_of, recipient_zone=zone),
        situation=sentences.situation(alert, deadline, as_of),
        note=sentences.note(alert, deadline),
        history=phrases.shortened(histories.lines(deadline), quote_length),
        clause=phrases.one_line(obligation.clause),
        quote=phrases.shortened(phrases.in_lines(obligation.text), quote_length),
        positions=tuple(map(_position, positions)),
        is_disputed=deadline.is_disputed,
        evidence=_evidence(each.stance for each in obligation.evidence.all()),
        path=links.pages().deadline(deadline.pk),
        predates_entry=alert.predates_entry,
        is_reopened=alert.is_reopened,
        acknowledge_path=links.acknowledge_path(alert.message_id, deadline.pk) if is_open else "",
    )


def _dates(
    alert: AlertRow,
    deadline: Deadline,
    obligors: Sequence[Party],
    *,
    as_of: datetime,
    recipient_zone: str | None,
) -> tuple[Row, ...]:
    """Return when a deadline is due, and, if they apply, its original date and its grace period."""
    label = sentences.due_label(alert, deadline, as_of)
    lines = [due_date(deadline)]
    due_on, due_at = deadline.due_on, deadline.due_at
    if due_on is None or due_at is None:
        return (Row(label, tuple(lines)),)
    zone = displayed_zone_name(deadline.timezone)
    if not lines[0].startswith(phrases.local_due_date(due_on, due_at, "UTC")):
        lines.append(phrases.in_utc(due_at))
    if recipient_zone and recipient_zone != zone:
        local = phrases.local_instant(due_at, recipient_zone)
        lines.append(f"{local} ({recipient_zone}, your time zone)")
    for other in dict.fromkeys(displayed_zone_name(party.timezone) for party in obligors):
        is_same = phrases.local_instant(due_at, other) == phrases.local_instant(due_at, zone)
        if not is_same and other != recipient_zone:
            lines.append(f"{phrases.local_instant(due_at, other)} ({other})")
    rows = [Row(label, tuple(lines))]
    original_on, original_at = deadline.original_due_on, deadline.original_due_at
    if original_on is not None and original_at is not None and original_at != due_at:
        rows.append(Row("Originally", (phrases.local_due_date(original_on, original_at, zone),)))
    if deadline.unmet_at is not None and deadline.unmet_at != due_at:
        grace_end = phrases.local_instant(deadline.unmet_at, zone)
        rows.append(Row("Grace", (f"until {grace_end} ({zone})",)))
    return tuple(rows)


def due_date(deadline: Deadline) -> str:
    """Return the due date of a deadline in its zone, or why it has none."""
    zone, rule = displayed_zone_name(deadline.timezone), deadline.obligation.due
    if deadline.due_on is None or deadline.due_at is None:
        if rule is None:
            return "no end date"
        return "no date was set" if rule["type"] == "undated" else "no longer known"
    precision = due_precision(deadline)
    if precision is Precision.DAY:
        date = phrases.local_due_date(deadline.due_on, deadline.due_at, zone)
    else:
        date = f"in {period_phrase(deadline.due_on, precision)}"
    is_known = zone == deadline.timezone
    return date if is_known else f"{date}; the time zone {deadline.timezone} is unknown"


def _position(position: Position) -> StatedPosition:
    share = "" if position.share is None else f" ({percent_text(position.share)})"
    return StatedPosition(
        party=phrases.one_line(position.party.name),
        verdict=f"{phrases.label(position.verdict)}{share}",
        day=period_phrase(
            position.stated_on or position.stated_at.date(),
            Precision(position.precision or Precision.DAY),
        ),
        quote=phrases.shortened(phrases.one_line(position.quote), 600),
    )


def _names_with_codes(parties: Sequence[Party]) -> str:
    names = [f"{phrases.one_line(party.name)} ({party.code})" for party in parties]
    if len(names) > _MAX_PARTIES:
        return f"{', '.join(names[: _MAX_PARTIES - 1])} and {len(names) - _MAX_PARTIES + 1} more"
    return phrases.joined(names)


def _short_names(parties: Sequence[Party]) -> str:
    names = [phrases.one_line(party.name) for party in parties]
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 2 else phrases.joined(names)


def _evidence(stances: Iterable[str]) -> str:
    counts = Counter(stances)
    if not counts:
        return "none on record"
    parts = [f"{counts[each]} {each}" for each in Stance if counts[each]]
    return f"{counts.total():,} on record ({', '.join(parts)})"
