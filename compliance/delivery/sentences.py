"""The labels and sentences that describe one alert. Pure functions of its rows and the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from compliance.domain import phrases
from compliance.domain.civil_time import civil_day, displayed_zone_name, zone_label
from compliance.domain.deadlines.amounts import amount_text, target_text
from compliance.domain.vocabulary import (
    AlertKind,
    BreachEnd,
    ObligationKind,
    Reason,
    Status,
    TargetBound,
    Verification,
)
from compliance.models import Deadline
from compliance.models.alerts.reported_alerts import AlertRow, LabelCount

# The labels that differ from the value of the end or reason.
_ENDED = {
    BreachEnd.PERFORMED: "met late",
    BreachEnd.DETERMINED: "closed as {status}",
    BreachEnd.TERMINATED: "closed as {status} (terminated)",
    BreachEnd.EXPIRED: "closed as {status} (expired)",
    BreachEnd.VOIDED: "not {missed} after all",
}
_CHANGED = {Reason.TRIGGERED: "now due", Reason.TARGET_RESTATED: "restated"}
_GOOD_ENDS = frozenset({BreachEnd.PERFORMED, BreachEnd.CURED, BreachEnd.VOIDED})

# How a breach ended, in the sentence "It ... on {when}, after it had been {missed}."
_ENDED_VERBS = {
    BreachEnd.PERFORMED: "was done",
    BreachEnd.CURED: "was cured",
    BreachEnd.POSTPONED: "was postponed without a new date",
    BreachEnd.DETERMINED: "was closed by a final determination",
    BreachEnd.REPLACED: "was replaced by another obligation",
    BreachEnd.TERMINATED: "was closed when its agreement was terminated",
    BreachEnd.EXPIRED: "was closed when its agreement expired",
    BreachEnd.WITHDRAWN: "was no longer required",
} | {
    end: f"was {end.value}"
    for end in (
        BreachEnd.EXTENDED, BreachEnd.RESCHEDULED, BreachEnd.WAIVED, BreachEnd.SUSPENDED,
        BreachEnd.CANCELLED,
    )
}  # fmt: skip
# What is said instead where more is known, or the breach never happened.
_ENDED_SENTENCES = {
    BreachEnd.PERFORMED: "It was done on {when}, {late} late.",
    BreachEnd.CURED: "The violation ended on {when}. It had lasted {length}.",
    BreachEnd.RESCHEDULED: (
        "It was rescheduled on {when}, because a date on which it depends moved. It had been "
        "{missed}."
    ),
    BreachEnd.TERMINATED: (
        "Its agreement was terminated on {when}. It had been {missed} and is closed as {status}."
    ),
    BreachEnd.EXPIRED: (
        "Its agreement expired on {when}. It had been {missed} and is closed as {status}."
    ),
    BreachEnd.DETERMINED: (
        "It was finally determined on {when} that it had been {missed}. It is closed as {status}."
    ),
    BreachEnd.WITHDRAWN: "Its due rule was corrected and no longer requires it.",
    BreachEnd.VOIDED: "What was recorded since then shows that it was not {missed}.",
}
_CHANGED_SENTENCES = {
    Reason.WAIVED: "It was waived and no longer has to be done.",
    Reason.CANCELLED: "It was cancelled.",
    Reason.POSTPONED: "It was postponed without a new date.",
    Reason.REPLACED: "Another obligation took its place.",
    Reason.TERMINATED: "It ended when its agreement was terminated.",
    Reason.EXPIRED: "It ended when its agreement expired.",
    Reason.WITHDRAWN: "Its due rule was corrected and no longer requires it.",
    Reason.SUSPENDED: "It was suspended.",
    Reason.TARGET_RESTATED: "The quantity owed was restated.",
}


def is_achieve(deadline: Deadline) -> bool:
    """Return whether the obligation is to achieve something by a date, rather than keep it up."""
    return bool(deadline.obligation.kind == ObligationKind.ACHIEVE.value)


def is_ceiling(deadline: Deadline) -> bool:
    """Return whether measured values must not exceed the target of the obligation."""
    return bool(deadline.obligation.target_bound == TargetBound.AT_MOST.value)


def label(alert: AlertRow | LabelCount, *, is_achieve: bool) -> str:
    """Return in a few words what happened, such as `missed before entry` or `open again`."""
    missed = _missed(is_achieve=is_achieve)
    if alert.end_reason is not None:
        ended = _ENDED.get(BreachEnd(alert.end_reason), alert.end_reason)
        return ended.format(missed=missed, status=_closed_as(is_partly_met=alert.is_partly_met))
    match AlertKind(alert.kind):
        case AlertKind.REMINDER:
            return "due soon" if is_achieve else "ending soon"
        case AlertKind.CHANGED:
            if alert.reason is None:
                return "no longer due"
            changed = Reason(alert.reason)
            return _CHANGED.get(changed, changed.value)
        case AlertKind.ESCALATED | AlertKind.SILENCE_ENDED:
            return f"still {missed}"
        case _ if alert.is_reopened:
            return "open again"
        case _:
            return f"{missed} before entry" if alert.predates_entry else missed


def _closed_as(*, is_partly_met: bool) -> str:
    return "partly met" if is_partly_met else "unmet"


def counts_by_label(counts: Sequence[LabelCount]) -> dict[str, int]:
    """Return how many deadlines get each label: open breaches first, changes last."""
    found: Counter[str] = Counter()
    for each in sorted(counts, key=_order):
        found[label(each, is_achieve=each.is_achieve)] += each.total

    return dict(found)


_END_ORDER = [None, *BreachEnd]
_KIND_ORDER = [
    AlertKind.ESCALATED, AlertKind.SILENCE_ENDED, AlertKind.MISSED, AlertKind.RECOVERED,
    AlertKind.REMINDER, AlertKind.CHANGED,
]  # fmt: skip


def _order(each: LabelCount) -> tuple[int, int, bool, int, str, bool]:
    place = _KIND_ORDER.index(AlertKind(each.kind))
    is_about_breach = each.kind not in {AlertKind.REMINDER, AlertKind.CHANGED}
    end = _END_ORDER.index(each.end_reason and BreachEnd(each.end_reason))
    return (
        0 if is_about_breach else place,
        end,
        each.predates_entry and not each.is_reopened,
        place,
        each.reason or "",
        not each.is_achieve,
    )


def headline(alert: AlertRow, deadline: Deadline, as_of: datetime) -> tuple[str, str]:
    """Return the headline of an item, and its tone: `bad`, `good` or `plain`."""
    found = label(alert, is_achieve=is_achieve(deadline))
    if alert.kind == AlertKind.REMINDER and deadline.due_at is not None:
        left = phrases.elapsed(
            as_of.replace(second=0, microsecond=0),
            deadline.due_at,
            displayed_zone_name(deadline.timezone),
        )
        return f"{'Due' if is_achieve(deadline) else 'Ends'} in {left}", "plain"
    if alert.kind == AlertKind.CHANGED:
        return found.capitalize(), "plain"
    if alert.end_reason is None:
        is_partly = deadline.status == Status.PARTLY_MET and not alert.predates_entry
        return f"{found.capitalize()} in part" if is_partly else found.capitalize(), "bad"
    tone = "good" if alert.end_reason in _GOOD_ENDS else "plain"
    if alert.kind == AlertKind.MISSED:
        return f"{_missed(is_achieve=is_achieve(deadline)).capitalize()}, then {found}", tone
    return found.capitalize(), tone


def situation(alert: AlertRow, deadline: Deadline, as_of: datetime) -> str:
    """Return one sentence on how things stand: how late it is, how it ended or what changed."""
    if alert.kind == AlertKind.REMINDER:
        if value := _value(deadline):
            return value
        if is_achieve(deadline):
            return "Nothing on record meets it yet."
        return "There is no violation on record."
    if alert.kind == AlertKind.CHANGED:
        return _change(alert, deadline)
    assert alert.occurred_at is not None, "all other alerts are about breaches"
    if alert.ended_at is not None and alert.end_reason is not None:
        return _ended(alert, deadline)
    if alert.predates_entry:
        return f"{_known_since_entry(alert, deadline)} {_value(deadline)}".strip()
    zone = displayed_zone_name(deadline.timezone)
    if not is_achieve(deadline):
        lasted = phrases.elapsed(alert.occurred_at, as_of, zone)
        violated = f"Violated since {phrases.in_utc(alert.occurred_at)}, for {lasted}."
        return f"{violated} {_value(deadline)}".strip()
    late = phrases.elapsed(deadline.due_at or alert.occurred_at, as_of, zone)
    if deadline.status == Status.PARTLY_MET:
        return f"Part of it was done; the rest is {late} late."
    return f"It is {late} late. {_value(deadline)}".strip()


def _value(deadline: Deadline) -> str:
    """Return the value in force and the target, in a sentence; empty if nothing is measured."""
    value, target = deadline.measured_quantity, deadline.target_quantity
    if value is None or target is None:
        return "No value has been measured yet." if is_ceiling(deadline) else ""
    unit = phrases.one_line(deadline.obligation.unit)
    required = target_text(target, TargetBound(deadline.obligation.target_bound), unit)
    return f"The value is {amount_text(value, unit)}; the target is {required}."


def _ended(alert: AlertRow, deadline: Deadline) -> str:
    """Return how a breach ended, without its length if it began before its entry."""
    assert alert.occurred_at is not None, "it is about a breach"
    assert alert.ended_at is not None, "the breach has ended"
    end, zone = BreachEnd(alert.end_reason or ""), displayed_zone_name(deadline.timezone)
    sentence = f"It {_ENDED_VERBS.get(end)} on {{when}}, after it had been {{missed}}."
    if end is BreachEnd.VOIDED or not alert.predates_entry:
        sentence = _ENDED_SENTENCES.get(end, sentence)
        if end is BreachEnd.PERFORMED and is_ceiling(deadline):
            sentence = "The value of {when} met the target, {late} late."
    return sentence.format(
        when=phrases.instant_or_day(alert.ended_at, zone),
        late=phrases.elapsed(deadline.due_at or alert.occurred_at, alert.ended_at, zone),
        length=phrases.elapsed(alert.occurred_at, alert.ended_at, zone),
        missed=_missed(is_achieve=is_achieve(deadline)),
        status=_closed_as(is_partly_met=alert.is_partly_met),
    )


def _known_since_entry(alert: AlertRow, deadline: Deadline) -> str:
    """Return how things stand with a breach that is not news, without saying how long it lasts."""
    assert alert.occurred_at is not None, "it is about a breach"
    zone = displayed_zone_name(deadline.timezone)
    began = phrases.day(civil_day(alert.occurred_at, zone))
    entered = phrases.day(civil_day(deadline.entered_at or alert.occurred_at, zone))
    again = ""
    if alert.reopened_at is not None:
        since = phrases.in_utc(alert.reopened_at.replace(second=0))
        again = f"It had ended, but that was retracted or corrected on {since}. "
    if not is_achieve(deadline):
        return f"{again}It has been violated since {began}. It was entered in Pacta on {entered}."
    part = ", except for a part of it" if deadline.status == Status.PARTLY_MET else ""
    return f"{again}It was already missed{part} when it was entered in Pacta on {entered}."


def note(alert: AlertRow, deadline: Deadline) -> str:
    """Return how an open breach was found, or why its alerts were silenced."""
    if alert.end_reason is not None or alert.detected_at is None:
        return ""
    if alert.predates_entry and alert.kind != AlertKind.SILENCE_ENDED:
        start = "There" if alert.is_reopened else "It is reported only once, and there"
        return f"{start} are no escalations."
    if alert.silence_reason is not None:
        reason = phrases.shortened(phrases.one_line(alert.silence_reason), 300)
        return f"Alerts about it are no longer silenced. The reason for the silence was: {reason}"
    detected = phrases.in_utc(alert.detected_at.replace(second=0))
    if not is_achieve(deadline):
        return f"A violation is on record. Detected on {detected}."
    if deadline.verification == Verification.UNCHECKED:
        return f"Detected automatically on {detected}; nobody has confirmed it yet."
    return f"Detected on {detected}."


def due_label(alert: AlertRow, deadline: Deadline, as_of: datetime) -> str:
    """Return the label of the due date in a message about this alert."""
    if not is_achieve(deadline):
        return "Binds until"
    if alert.kind in {AlertKind.REMINDER, AlertKind.CHANGED}:
        return "Due"
    # A breach that ended with an extension has a due date in the future, or none.
    is_past = deadline.due_at is not None and deadline.due_at <= as_of
    return "Was due" if is_past else "Due"


def _missed(*, is_achieve: bool) -> str:
    return "missed" if is_achieve else "violated"


def _change(alert: AlertRow, deadline: Deadline) -> str:
    if alert.reason is None:
        return "The event that made it due was corrected, so it is no longer due."
    if alert.reason in _CHANGED_SENTENCES:
        return _CHANGED_SENTENCES[Reason(alert.reason)]
    if deadline.due_at is None:
        return "Its due date is no longer known."
    zone, label = displayed_zone_name(deadline.timezone), zone_label(deadline.timezone)
    due = phrases.due_moment(deadline.due_at, zone)
    if alert.due_at is not None and alert.due_at != deadline.due_at:
        before = phrases.due_moment(alert.due_at, zone)
        return f"It is now due by {due} instead of {before} ({label})."
    return f"It is due by {due} ({label})."
